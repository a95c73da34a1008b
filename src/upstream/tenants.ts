import { createBoundedMap } from '../bounded-map.ts'
import { OAuthError, StatedError } from '../errors.ts'
import { callHook } from '../options/call-hook.ts'
import type { Settings } from '../options/options.ts'
import { providerFaults } from '../options/upstream.ts'
import type { Provider } from '../providers/provider.ts'
import { NOTHING_HERE } from '../refusals.ts'
import { differentFunction, tenantId } from './tenant-id.ts'
import { createUpstream, type Upstream } from './upstream.ts'
import type { UpstreamPorts, Upstreams } from './upstreams.ts'

/** The number of tenants that are kept ready. The one that was idle for longest is dropped first. */
const LIMIT = 1000

/**
 * Chooses the provider of each tenant by a function of the request. Tenants whose providers have different ids also have
 * different callbacks, as RFC 9700 §4.4.2.2 demands.
 */
export function createTenants(
  choose: Extract<Settings['upstream'], (...args: never[]) => unknown>,
  callback: string,
  ports: UpstreamPorts,
): Upstreams {
  const ready = createBoundedMap<string, { readonly provider: Provider; readonly upstream: Upstream }>({
    entries: LIMIT,
  })
  const ids = new WeakMap<Provider, string>()

  function upstreamOf(provider: Provider): Upstream {
    let id = ids.get(provider)
    if (id === undefined) {
      const faults = providerFaults(provider).map(({ path, message }) => `${path || 'it'}: ${message}`)
      if (faults.length > 0)
        throw new StatedError(`\`upstream\` returned no usable provider; ${faults.join('; ')}`)
      id = tenantId(provider)
      ids.set(provider, id)
    }
    const before = ready.get(id)
    const isNew = before && before.provider !== provider
    const differs = isNew ? differentFunction(before.provider, provider) : undefined
    if (differs) {
      throw new StatedError(
        `two providers of \`upstream\` share the id ${provider.id} and differ in the function \`${differs}\`: ` +
          'make each provider once, and give each tenant an `id`',
      )
    }
    const kept = before && isSame(before.provider, provider) ? before : undefined
    const tenant = kept ?? {
      provider,
      upstream: createUpstream(provider, {
        ...ports(provider),
        id,
        redirectUri: `${callback}/${provider.id}`,
      }),
    }
    ready.set(id, tenant)
    return tenant.upstream
  }

  async function tenantOf(request: Request): Promise<Upstream> {
    const upstream = await callHook('upstream', async () => {
      const provider = await choose(request)
      return provider && upstreamOf(provider)
    })
    if (upstream) return upstream
    throw new OAuthError('invalid_request', NOTHING_HERE, {
      reason: 'tenant-not-found',
      status: 404,
    })
  }

  return {
    tenants: true,
    choices: async (_resource, request) => [await tenantOf(request)],
    tenantOf,
    serves: () => true,
    find: (id) => (id === undefined ? undefined : ready.get(id)?.upstream),
  }
}

/** Tells whether two providers are equal, so that the function may make a new one for each request. */
function isSame(one: Provider, other: Provider): boolean {
  if (one === other) return true
  const names = Object.keys(one) as (keyof Provider)[]
  const isEqual = (a: unknown, b: unknown) =>
    a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
  return names.length === Object.keys(other).length && names.every((name) => isEqual(one[name], other[name]))
}
