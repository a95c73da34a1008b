import { createProxy, type OAuthProxy, type ProxyOptions } from '../src/index.ts'

export { LockgateStore } from './workers/durable-object-store.ts'

/** What a Worker exports. */
export interface Worker<Env> {
  fetch(request: Request, env: Env, ctx?: unknown): Promise<Response>
}

/**
 * A Worker made of options that need its bindings:
 *
 * ```ts
 * export default fromEnv<Env>((env) => ({ url: env.URL, secret: env.SECRET, … }))
 * ```
 *
 * Addresses are those Cloudflare saw, unless they say otherwise. The proxy is built at the first request, and once for each `env` the platform hands out.
 *
 * @throws {ConfigError} From `fetch`, at every request, where an option is wrong: the Worker's log says which.
 */
export function fromEnv<Env extends object>(options: (env: Env) => ProxyOptions): Worker<Env> {
  const proxies = new WeakMap<Env, OAuthProxy>()
  return {
    async fetch(request, env, ctx) {
      let proxy = proxies.get(env)
      if (!proxy) {
        proxy = createProxy({ clientAddress, ...options(env) })
        proxies.set(env, proxy)
      }
      return proxy.fetch(request, ctx)
    },
  }
}

/** The peer's address as Cloudflare saw it: a Worker that is not made by `fromEnv` passes it as the `clientAddress` option. */
export const clientAddress = (request: Request): string | undefined =>
  request.headers.get('cf-connecting-ip') ?? undefined
