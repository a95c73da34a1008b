import type { RateLimiter, RateRule } from '../../src/index.ts'

/** What is used of Cloudflare's binding for rate limits. */
export interface RateLimitBinding {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

/**
 * Limits by Cloudflare's own bindings, one for each kind of limit. How many pass, and in how long, stands in the
 * binding's configuration and not in `limits`. What has no binding is counted in the isolate's memory.
 *
 * @param options.period Seconds, as the bindings are configured: what a refused client is told to wait; 60 by default.
 * @see [Cloudflare, Rate limiting](https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/)
 */
export function workers(
  bindings: Readonly<Partial<Record<RateRule['name'], RateLimitBinding>>>,
  options: { period?: 10 | 60 } = {},
): RateLimiter {
  const { period = 60 } = options
  return {
    async take(key, { name }) {
      const answer = await bindings[name]?.limit({ key })
      return answer && { allowed: answer.success, retryAfter: answer.success ? 0 : period }
    },
  }
}
