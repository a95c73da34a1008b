import type { RateLimiter, RateRule } from '../../src/index.ts'

/** A rate limiting binding of Cloudflare, with the part of it that is used. */
export interface RateLimitBinding {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

/** One binding for each kind of limit. A kind without a binding is counted in the memory of the isolate. */
export type RateLimitBindings = { readonly [Name in RateRule['name']]?: RateLimitBinding | undefined }

export interface WorkersLimiterOptions {
  /**
   * The period that the bindings are configured with, in seconds. A refused client is told to wait for so long.
   *
   * @default 60
   */
  readonly period?: 10 | 60 | undefined
}

/**
 * Rate limits by Cloudflare's own bindings. The number of requests and the period are set in the configuration of the
 * bindings, not in `limits`.
 *
 * @see [Cloudflare, Rate limiting](https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/)
 */
export function workers(bindings: RateLimitBindings, options: WorkersLimiterOptions = {}): RateLimiter {
  const { period = 60 } = options
  return {
    async take(key, { name }) {
      const answer = await bindings[name]?.limit({ key })
      return answer && { allowed: answer.success, retryAfter: answer.success ? 0 : period }
    },
  }
}
