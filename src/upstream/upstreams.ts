import type { Resource, Settings } from '../config.ts'
import { isOwnLogin, type OwnLogin } from '../providers/parts/upstream-schema.ts'
import type { Provider } from '../providers/provider.ts'
import { createOwnLogin } from './own-login.ts'
import { createTenants } from './tenants.ts'
import { createUpstream, type Upstream } from './upstream.ts'

/** The providers behind: one, several, or one for each tenant. */
export interface Upstreams {
  /** Whether each request has its own, and nothing of one tenant counts for another. */
  readonly tenants: boolean
  /** Those that one may sign in at for a resource. */
  choices(resource: Pick<Resource, 'upstream'>, request: Request): Promise<readonly Upstream[]>
  /** The one a request belongs to; `undefined` where requests belong to none. */
  tenantOf(request: Request): Promise<Upstream> | undefined
  /** Whether a grant made with a provider may be used at a resource; with tenants the request decides that. */
  serves(id: string | undefined, resource: Pick<Resource, 'upstream'>): boolean
  /**
   * The one a grant was made with; the only or first one for a grant that names none. Of tenants, only those that this
   * process has lately had a request of.
   */
  find(id: string | undefined): Upstream | undefined
}

/** What one provider's side needs beside its address for answers. */
export type UpstreamPorts = (
  provider: Provider,
) => Omit<Parameters<typeof createUpstream>[1], 'redirectUri' | 'id'>

/** @param callback Where providers send their answers; with several, each has its own below it. */
export function createUpstreams(
  given: Settings['upstream'],
  callback: string,
  ports: UpstreamPorts,
): Upstreams {
  return typeof given === 'function' ? createTenants(given, callback, ports) : fixed(given, callback, ports)
}

function fixed(
  providers: readonly (Provider | OwnLogin)[],
  callback: string,
  ports: UpstreamPorts,
): Upstreams {
  // An answer must not be taken for another provider’s (RFC 9700 §4.4.2.1).
  const several = providers.filter((one) => !isOwnLogin(one)).length > 1
  const at = (id: string) => (several ? `${callback}/${id}` : callback)
  const all = providers.map((one) =>
    isOwnLogin(one)
      ? createOwnLogin(one, new URL(callback).origin)
      : createUpstream(one, { ...ports(one), redirectUri: at(one.id) }),
  )
  const known = new Map(all.map((upstream) => [upstream.id, upstream]))
  const find = (id: string | undefined) => (id === undefined ? all[0] : known.get(id))
  return {
    tenants: false,
    async choices({ upstream: ids }) {
      return ids === undefined ? all : all.filter(({ id }) => ids.includes(id))
    },
    tenantOf: () => undefined,
    serves(id, { upstream: ids }) {
      const upstream = find(id)
      return upstream !== undefined && (ids?.includes(upstream.id) ?? true)
    },
    find,
  }
}
