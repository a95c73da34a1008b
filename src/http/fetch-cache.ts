import { createBoundedMap } from '../bounded-map.ts'
import { OAuthError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { seconds } from '../timing.ts'

/** What was fetched, and for how many seconds it may be used again. */
export interface Fetched<T> {
  readonly value: T
  readonly freshFor: number
}

const MAX_ENTRIES = 500
/** Requests under way: to one host, and in all. */
const MAX_PER_HOST = 4
const MAX_AT_ONCE = 40

/**
 * What strangers' addresses answered, kept in memory. Whoever asks at the same moment shares one request. A failure
 * is not kept; an address that fails again and again is left alone for some seconds, longer each time.
 *
 * @throws {OAuthError} `temporarily_unavailable` while too much is under way or an address is left alone.
 */
export function createFetched<T>(
  now: Clock,
  load: (url: string) => Promise<Fetched<T>>,
): (url: string) => Promise<T> {
  const known = createBoundedMap<string, { value: T; until: number }>({ entries: MAX_ENTRIES })
  const failed = createBoundedMap<string, { count: number; at: number; until: number }>({
    entries: MAX_ENTRIES,
  })
  const pending = new Map<string, Promise<T>>()
  const perHost = new Map<string, number>()

  const busy = (detail: string) =>
    new OAuthError('temporarily_unavailable', 'The app that sent you here cannot be looked up right now', {
      reason: 'client-metadata-busy',
      detail,
      retryAfter: 1,
    })

  function keep(url: string, { value, freshFor }: Fetched<T>): T {
    failed.delete(url)
    if (freshFor > 0) known.set(url, { value, until: now() + freshFor })
    else known.delete(url)
    return value
  }

  function noteFailure(url: string): void {
    const before = failed.get(url)
    const count = before && now() - before.at < seconds.documentFailed ? before.count + 1 : 1
    // The first one may be a hiccup: whoever asks again must not be made to wait for it.
    const wait = count === 1 ? 0 : Math.min(2 ** (count - 2), seconds.documentPause)
    failed.set(url, { count, at: now(), until: now() + wait })
  }

  async function request(url: string, host: string): Promise<T> {
    perHost.set(host, (perHost.get(host) ?? 0) + 1)
    try {
      return keep(url, await load(url))
    } catch (error) {
      noteFailure(url)
      throw error
    } finally {
      pending.delete(url)
      const left = perHost.get(host)! - 1
      if (left > 0) perHost.set(host, left)
      else perHost.delete(host)
    }
  }

  return async (url) => {
    const entry = known.get(url)
    if (entry && entry.until > now()) return entry.value
    const underWay = pending.get(url)
    if (underWay) return underWay
    if ((failed.get(url)?.until ?? 0) > now()) throw busy('failed a moment ago, and before')
    const { host } = new URL(url)
    if (pending.size >= MAX_AT_ONCE || (perHost.get(host) ?? 0) >= MAX_PER_HOST) {
      throw busy('too many requests under way')
    }
    const asked = request(url, host)
    pending.set(url, asked)
    return asked
  }
}
