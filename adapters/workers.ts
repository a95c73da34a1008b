import { ConfigError, createProxy, type Fetch, type OAuthProxy, type ProxyOptions } from '../src/index.ts'
import { workerdAddress } from '../src/internal.ts'

export { LockgateStore } from './workers/durable-object-store.ts'

/** The default export of a Worker. */
export interface Worker<Env> {
  fetch(request: Request, env: Env, ctx?: unknown): Promise<Response>
}

/**
 * Creates a Worker from options that need its bindings:
 *
 * ```ts
 * export default fromEnv<Env>((env) => ({ url: env.URL, secret: env.SECRET, … }))
 * ```
 *
 * The options default to the client's address as Cloudflare saw it, and to requests to the provider and the MCP servers
 * that Cloudflare does not cache. The proxy is created at the first request, once for each `env` of the platform.
 *
 * @throws {ConfigError} From `fetch`, at every request, if an option is wrong. The Worker's log says which, and names
 * the bindings that the options need and the Worker has not.
 */
export function fromEnv<Env extends object>(options: (env: Env) => ProxyOptions): Worker<Env> {
  const proxies = new WeakMap<Env, OAuthProxy>()
  return {
    async fetch(request, env, ctx) {
      let proxy = proxies.get(env)
      if (!proxy) {
        const own = options(env)
        const fetch =
          typeof own.fetch === 'function' ? own.fetch : { provider: uncached, mcp: uncached, ...own.fetch }
        proxy = create({ clientAddress, ...own, fetch }, () => absentBindings(options, env))
        proxies.set(env, proxy)
      }
      return proxy.fetch(request, ctx)
    },
  }
}

/** @throws {ConfigError} Naming the bindings that are absent beside the wrong options. */
function create(options: ProxyOptions, absent: () => readonly string[]): OAuthProxy {
  try {
    return createProxy(options)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const issues = absent().map((name) => ({
      path: `env.${name}`,
      message: `is no binding of this Worker; set it with \`npx wrangler secret put ${name}\`, in .dev.vars or in the Wrangler configuration`,
    }))
    throw new ConfigError([...error.issues, ...issues])
  }
}

/** Returns the names that the options read from `env` without finding anything. */
function absentBindings<Env extends object>(options: (env: Env) => unknown, env: Env): string[] {
  const absent = new Set<string>()
  const watched = new Proxy(env, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof name === 'string' && (value === undefined || value === '')) absent.add(name)
      return value
    },
  })
  options(watched)
  return [...absent]
}

/**
 * Returns the client's address: on Cloudflare as Cloudflare saw it, and on workerd by itself the other end of the
 * connection. Elsewhere `undefined`, because a client may write the header of Cloudflare. A Worker that `fromEnv` did not
 * create passes this as the `clientAddress` option.
 */
export function clientAddress(request: Request): string | undefined {
  const { cf } = request as { cf?: Readonly<Record<string, unknown>> | null }
  if (!cf) return undefined
  // Only workerd by itself has this member. There the header is the client's own.
  if (cf.clientIp !== undefined) return workerdAddress(request)
  if (!OF_CLOUDFLARE.some((name) => cf[name] !== undefined)) return undefined
  return request.headers.get('cf-connecting-ip') ?? undefined
}

/** Members that Cloudflare sets. Some are left out for some requests, so that any of them counts. */
const OF_CLOUDFLARE = ['colo', 'asn', 'country', 'httpProtocol', 'tlsVersion', 'tlsCipher'] as const

let init: RequestInit | undefined

/**
 * Sends a request past Cloudflare's cache, which would share one user's response with others if its headers allowed that.
 * A Worker that `fromEnv` did not create passes this as the `fetch` option.
 */
export const uncached: Fetch = (url, request) => {
  init ??= acceptsCache() ? { cache: 'no-store' } : ({ cf: { cacheTtl: -1 } } as RequestInit)
  return fetch(url, { ...request, ...init })
}

/** Returns whether the Worker's compatibility date is so recent that the `cache` option is known. */
function acceptsCache(): boolean {
  try {
    return new Request('https://lockgate.invalid/', { cache: 'no-store' }) !== undefined
  } catch {
    return false
  }
}
