import type { Clock, RateLimiter, Taken } from '../ports.ts'

const ALLOWED: Taken = { allowed: true, retryAfter: 0 }

/** Keys that one generation holds: both together take some ten megabytes. */
const SIZE = 25_000

interface Recent<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
}

/** A map that holds what was used lately, and never more than twice `size`; no timer tidies it. */
export function createRecent<T>(size: number = SIZE): Recent<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  return {
    get: (key: string): T | undefined => young.get(key) ?? old.get(key),
    set(key: string, value: T): void {
      if (young.size >= size && !young.has(key)) {
        old = young
        young = new Map()
      }
      young.set(key, value)
    },
  }
}

/**
 * A token bucket for each key, in this process. Of a bucket only the time is kept at which it will be full again, so
 * that looking at one costs no more than a look into a map.
 */
export function createTokenBuckets(now: Clock): RateLimiter {
  const full = createRecent<number>()
  return {
    take(key, { limit, window }) {
      const time = now()
      const known = full.get(key) ?? 0
      // Later than any bucket is full: the clock was set back, and nobody shall wait for it.
      const from = known > time + window + 1e-6 ? time : Math.max(known, time)
      const next = from + window / limit
      const over = next - time - window
      // Sums of fractions are a little off.
      if (over > 1e-6) return { allowed: false, retryAfter: Math.max(1, Math.ceil(over)) }
      full.set(key, next)
      return ALLOWED
    },
  }
}
