import type { Settings } from '../options/options.ts'
import { isOwnLogin, type OwnLogin } from '../options/upstream.ts'
import type { Provider } from '../providers/provider.ts'
import { createOwnLogin } from './own-login.ts'
import { createTenants } from './tenants.ts'
import { createUpstream } from './upstream.ts'
import type { UpstreamPorts, Upstreams } from './upstreams.ts'

/** @param callback The address of the callback. With several providers, each has its own below it. */
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
  // A response must not be mistaken for one of another provider (RFC 9700 §4.4.2.1).
  const several = providers.filter((one) => !isOwnLogin(one)).length > 1
  const at = (id: string) => (several ? `${callback}/${id}` : callback)
  const all = providers.map((one) =>
    isOwnLogin(one)
      ? createOwnLogin(
          one.development ? { ...one, login: besides(callback, one.login) } : one,
          new URL(callback).origin,
        )
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

/** Returns the address of a page of Lockgate beside the callback, below the path of `url`. */
const besides = (callback: string, path: string): string => callback.replace(/\/callback$/, path)
