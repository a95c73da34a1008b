import type { Clock, RateRule, Taken } from '../ports.ts'

const ALLOWED: Taken = { allowed: true, retryAfter: 0 }

/** Keys in one generation. Both generations together take a few megabytes. */
const SIZE = 10_000

/** A map that holds recently written entries. */
export interface Recent<T> {
  get(key: string): T | undefined
  /** Returns the entry, which then counts as recently written. */
  renew(key: string): T | undefined
  set(key: string, value: T): void
}

/** Creates a map that holds the last `size` entries at least, and twice as many at most. It needs no timer. */
export function createRecent<T>(size: number = SIZE): Recent<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()

  function set(key: string, value: T): void {
    if (young.size >= size && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    get: (key) => young.get(key) ?? old.get(key),
    renew(key) {
      const recent = young.get(key)
      if (recent !== undefined) return recent
      const former = old.get(key)
      if (former !== undefined) set(key, former)
      return former
    },
    set,
  }
}

/** Limits requests in this process. */
export interface TokenBuckets {
  /**
   * Counts a request.
   *
   * @param kind A fixed name. A flood of keys of one kind evicts no key of another.
   * @param key The key within that kind.
   * @param time The time, if the caller has just read the clock.
   */
  take(kind: string, key: string, rule: RateRule, time?: number): Taken
}

/** Changed in place, so that a check costs one look-up in a map. */
interface Bucket {
  /** The time at which it will be full again, in seconds. */
  fullAt: number
}

/** Creates a limiter with a token bucket for each key. */
export function createTokenBuckets(now: Clock): TokenBuckets {
  const kinds = new Map<string, { readonly all: Recent<Bucket>; readonly empty: Recent<Bucket> }>()

  function bucketsOf(kind: string) {
    const known = kinds.get(kind)
    if (known) return known
    // Only a key that is over its limit can push out another one that is.
    const created = { all: createRecent<Bucket>(), empty: createRecent<Bucket>() }
    kinds.set(kind, created)
    return created
  }

  return {
    take(kind, key, { limit, window }, time = now()) {
      const { all, empty } = bucketsOf(kind)
      const bucket = all.renew(key) ?? empty.get(key)
      const known = bucket?.fullAt ?? 0
      // No bucket takes longer than its window. Far beyond it, the clock was set back, and no caller waits for that. A little
      // beyond it, the bucket is full: a step back must not empty it.
      const from = known > time + 2 * window ? time : Math.min(Math.max(known, time), time + window)
      const next = from + window / limit
      const over = next - time - window
      // Sums of fractions are slightly inexact.
      if (over > 1e-6) {
        if (bucket) {
          bucket.fullAt = from
          empty.set(key, bucket)
        }
        return { allowed: false, retryAfter: Math.max(1, Math.ceil(over)) }
      }
      if (bucket) bucket.fullAt = next
      else all.set(key, { fullAt: next })
      return ALLOWED
    },
  }
}
