import { createBoundedMap } from '../bounded-map.ts'
import { OAuthError } from '../errors.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'

/** A fetched value, and the seconds for which it may be used again. */
export interface Fetched<T> {
  readonly value: T
  readonly freshFor: number
}

/** The request that causes a fetch. */
export interface FetchCause {
  /** The address that it came from. Absent if the runtime does not say. */
  readonly address?: string | undefined
}

const MAX_ENTRIES = 500
/** Fetches under way: from one host, caused by one address, and in all. */
const MAX_PER_HOST = 4
const MAX_PER_ADDRESS = 4
const MAX_AT_ONCE = 40
/** The part of all fetches that is left to hosts that responded before. */
const RESERVED = 10
/** Hosts that responded before. */
const MAX_PROVEN = 1000

/** The slot of a fetch under way. */
interface Slot {
  readonly host: string
  readonly address: string | undefined
  readonly startedAt: number
}

/**
 * Creates a function that fetches addresses that clients name, and keeps the values in memory. Requests for one address
 * share a fetch. A fetch occupies a slot until its work has ended, so that the work as a whole is bounded, too. A failure
 * is not kept, but an address that fails repeatedly is left alone for some seconds, longer each time.
 *
 * @param load Fetches an address. It must end by itself.
 * @throws {OAuthError} `temporarily_unavailable` while too many fetches are under way, or an address is left alone.
 */
export function createFetched<T>(
  now: Clock,
  load: (url: string) => Promise<Fetched<T>>,
  keepAlive?: KeepAlive,
): (url: string, cause?: FetchCause) => Promise<T> {
  const known = createBoundedMap<string, { value: T; until: number }>({ entries: MAX_ENTRIES })
  const failed = createBoundedMap<string, { count: number; at: number; until: number }>({
    entries: MAX_ENTRIES,
  })
  const proven = createBoundedMap<string, true>({ entries: MAX_PROVEN })
  const slots = new Map<string, Slot>()
  const fetches = createSingleFlight<T>({ keepAlive, longest: () => ms.document + ms.singleFlight })

  const busy = (detail: string) =>
    new OAuthError('temporarily_unavailable', 'The app that sent you here cannot be looked up right now', {
      reason: 'client-metadata-busy',
      detail,
      retryAfter: 1,
    })

  function keep(url: string, { value, freshFor }: Fetched<T>): T {
    failed.delete(url)
    proven.set(new URL(url).host, true)
    if (freshFor > 0) known.set(url, { value, until: now() + freshFor })
    else known.delete(url)
    return value
  }

  function noteFailure(url: string): void {
    const before = failed.get(url)
    const count = before && now() - before.at < seconds.documentFailed ? before.count + 1 : 1
    // The first failure may be an accident, so a second attempt need not wait.
    const wait = count === 1 ? 0 : Math.min(2 ** (count - 2), seconds.documentPause)
    failed.set(url, { count, at: now(), until: now() + wait })
  }

  /** Frees the slots of work that a runtime dropped with its request: such a promise never settles. */
  function dropLost(): void {
    const oldest = performance.now() - 2 * ms.document
    for (const [url, { startedAt }] of slots) if (startedAt < oldest) slots.delete(url)
  }

  /** @throws {OAuthError} `temporarily_unavailable` if no slot is free. */
  function takeSlot(host: string, address: string | undefined): void {
    dropLost()
    const all = [...slots.values()]
    const room = proven.has(host) ? MAX_AT_ONCE : MAX_AT_ONCE - RESERVED
    if (all.length >= room) throw busy('too many fetches are under way')
    if (all.filter((one) => one.host === host).length >= MAX_PER_HOST) {
      throw busy('too many fetches from this host are under way')
    }
    if (address !== undefined && all.filter((one) => one.address === address).length >= MAX_PER_ADDRESS) {
      throw busy('too many fetches for this address are under way')
    }
  }

  async function fetchOnce(url: string, slot: Slot): Promise<T> {
    slots.set(url, slot)
    try {
      return keep(url, await load(url))
    } catch (error) {
      noteFailure(url)
      throw error
    } finally {
      if (slots.get(url) === slot) slots.delete(url)
    }
  }

  return async (url, { address } = {}) => {
    const entry = known.get(url)
    if (entry && entry.until > now()) return entry.value
    return fetches.join(url, async () => {
      if ((failed.get(url)?.until ?? 0) > now()) throw busy('it failed a moment ago, and before')
      const { host } = new URL(url)
      takeSlot(host, address)
      return fetchOnce(url, { host, address, startedAt: performance.now() })
    })
  }
}
