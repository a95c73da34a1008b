import type { Resource, Settings } from '../config.ts'
import { digest } from '../crypto/digest.ts'
import { isOwnLogin, type OwnLogin } from '../providers/parts/upstream-schema.ts'
import type { Provider } from '../providers/provider.ts'
import { createOwnLogin } from './own-login.ts'
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
  /** The one a grant was made with; the only or first one for a grant that names none. */
  find(id: string | undefined): Upstream | undefined
}

/** Tenants that are kept ready. */
const LIMIT = 1000

type Ports = Omit<Parameters<typeof createUpstream>[1], 'redirectUri'>

/** @param callback Where providers send their answers; with several, each has its own below it. */
export function createUpstreams(given: Settings['upstream'], callback: string, ports: Ports): Upstreams {
  return typeof given === 'function' ? byRequest(given, callback, ports) : fixed(given, callback, ports)
}

function fixed(providers: readonly (Provider | OwnLogin)[], callback: string, ports: Ports): Upstreams {
  // An answer must not be taken for another provider’s (RFC 9700 §4.4.2.1).
  const at = (id: string) => (providers.length > 1 ? `${callback}/${id}` : callback)
  const all = providers.map((one) =>
    isOwnLogin(one)
      ? createOwnLogin(one, new URL(callback).origin)
      : createUpstream(one, { ...ports, redirectUri: at(one.id) }),
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

function byRequest(
  choose: Extract<Settings['upstream'], (...args: never[]) => unknown>,
  callback: string,
  ports: Ports,
): Upstreams {
  const known = new Map<string, Upstream>()
  const seen = new WeakMap<Provider, Upstream>()

  /** Tenants are told apart by where they sign in and as whom, whatever their providers are called. */
  function idOf({ id, issuer, endpoints, clientId }: Provider): string {
    return `${id}-${digest(JSON.stringify([issuer, endpoints, clientId])).slice(0, 16)}`
  }

  function ready(provider: Provider): Upstream {
    const before = seen.get(provider)
    if (before) return before
    const id = idOf(provider)
    const made = createUpstream({ ...provider, id }, { ...ports, redirectUri: callback })
    seen.set(provider, made)
    known.delete(id)
    known.set(id, made)
    if (known.size > LIMIT) known.delete(known.keys().next().value!)
    return made
  }

  const tenantOf = async (request: Request) => ready(await choose(request))
  return {
    tenants: true,
    choices: async (_resource, request) => [await tenantOf(request)],
    tenantOf,
    serves: () => true,
    find: (id) => (id === undefined ? undefined : known.get(id)),
  }
}
