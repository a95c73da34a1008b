import type { Store } from 'lockgate'

/** A store that counts its calls and remembers every byte that was ever written. */
export interface CountingStore extends Store {
  readonly reads: number
  readonly writes: number
  /** Everything ever written, keys and values, as text. */
  readonly dump: () => string
  reset(): void
}

export function counting(store: Store): CountingStore {
  const written: string[] = []
  let reads = 0
  let writes = 0
  return {
    consistency: store.consistency,
    get reads() {
      return reads
    },
    get writes() {
      return writes
    },
    dump: () => written.join('\n'),
    reset() {
      reads = 0
      writes = 0
    },
    get(key) {
      reads++
      return store.get(key)
    },
    set(key, value, ttl) {
      writes++
      written.push(key, JSON.stringify(value))
      return store.set(key, value, ttl)
    },
    async swap(key, version, value, ttl) {
      const done = await store.swap(key, version, value, ttl)
      // A lost race wrote nothing.
      if (done) {
        writes++
        written.push(key, JSON.stringify(value))
      }
      return done
    },
    delete(key) {
      writes++
      return store.delete(key)
    },
    keys: (prefix) => store.keys(prefix),
  }
}
