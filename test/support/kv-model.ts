import type { KvNamespace } from 'lockgate/storage/cloudflare-kv'

/** Cloudflare KV as its documentation describes it: one central store, and a cache of reads in each place. */
export interface KvModel {
  /** The namespace as a Worker in this place sees it. */
  at(place: string): KvNamespace
  /** The keys that are in the central store, by their first part. */
  count(prefix: string): number
}

/** Milliseconds after which every place sees a write. */
const STALENESS = 60_000

interface Entry {
  readonly value: string | null
  readonly expiresAt: number
  readonly writtenAt: number
  readonly place: string
}

/**
 * @param now Milliseconds.
 * @param propagation How many of the 60 seconds a write needs on its way to the central store. For the rest of them, a
 * place keeps what it read before, or that there was nothing to read.
 */
export function createKvModel(now: () => number, propagation = 0): KvModel {
  /** The writes of each key, the newest last. */
  const central = new Map<string, Entry[]>()
  const keeps = STALENESS - propagation * 1000

  function current(key: string, place: string): string | null {
    const isSeen = (entry: Entry) => entry.place === place || now() - entry.writtenAt >= propagation * 1000
    const entry = central.get(key)?.findLast(isSeen)
    return entry && entry.expiresAt > now() ? entry.value : null
  }
  const keys = (prefix: string, place: string) =>
    [...central.keys()].filter((key) => key.startsWith(prefix) && current(key, place) !== null)

  function openPlace(place: string): KvNamespace {
    const cache = new Map<string, { readonly value: unknown; readonly at: number }>()
    const cached = <T>(key: string, read: () => T): T => {
      const known = cache.get(key)
      if (known && now() - known.at < keeps) return known.value as T
      const value = read()
      cache.set(key, { value, at: now() })
      return value
    }
    function write(key: string, value: string | null, expiresAt: number): void {
      central.set(key, [...(central.get(key) ?? []), { value, expiresAt, writtenAt: now(), place }])
      cache.set(`get ${key}`, { value, at: now() })
    }
    return {
      get: async (key) => cached(`get ${key}`, () => current(key, place)),
      async put(key, value, { expirationTtl = Number.POSITIVE_INFINITY } = {}) {
        if (expirationTtl < 60) throw new Error('KV PUT failed: 400 expirationTtl must be at least 60')
        write(key, value, now() + expirationTtl * 1000)
      },
      delete: async (key) => write(key, null, Number.POSITIVE_INFINITY),
      list: async ({ prefix = '' } = {}) => ({
        keys: cached(`list ${prefix}`, () => keys(prefix, place)).map((name) => ({ name })),
        list_complete: true,
      }),
    }
  }

  const places = new Map<string, KvNamespace>()
  return {
    at(place) {
      const known = places.get(place) ?? openPlace(place)
      places.set(place, known)
      return known
    },
    count: (prefix) => keys(prefix, '').length,
  }
}
