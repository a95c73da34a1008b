/** A map that stays within bounds by dropping the entries that were written longest ago. */
export interface BoundedMap<K, V> {
  readonly size: number
  /** Returns the value. Reading does not protect an entry from being dropped. */
  get(key: K): V | undefined
  has(key: K): boolean
  /** Writes an entry and makes it the newest. Drops it at once if it alone exceeds the byte limit. */
  set(key: K, value: V): void
  /** Removes an entry without calling `onDrop`. Returns whether there was one. */
  delete(key: K): boolean
  clear(): void
}

/** The bounds of a {@link BoundedMap}. */
export interface Bounds<K, V> {
  /** The largest number of entries. */
  readonly entries: number
  /** The largest sum of sizes, and a function that returns the size of one entry, in bytes. */
  readonly bytes?: { readonly limit: number; readonly of: (key: K, value: V) => number }
  /** Called with each entry that is dropped to stay within the bounds. */
  readonly onDrop?: (key: K, value: V) => void
}

/** Creates a map that never exceeds its bounds. Writing costs the same however full it is. */
export function createBoundedMap<K, V>({ entries, bytes, onDrop }: Bounds<K, V>): BoundedMap<K, V> {
  // A Map iterates in the order of insertion, so the first key is the oldest.
  const known = new Map<K, V>()
  const sizes = bytes && new Map<K, number>()
  let total = 0

  function remove(key: K): boolean {
    total -= sizes?.get(key) ?? 0
    sizes?.delete(key)
    return known.delete(key)
  }

  function dropOldest(): void {
    const [key, value] = known.entries().next().value!
    remove(key)
    onDrop?.(key, value)
  }

  return {
    get size() {
      return known.size
    },
    get: (key) => known.get(key),
    has: (key) => known.has(key),
    set(key, value) {
      remove(key)
      known.set(key, value)
      if (bytes && sizes) {
        const size = bytes.of(key, value)
        sizes.set(key, size)
        total += size
        while (total > bytes.limit) dropOldest()
      }
      if (known.size > entries) dropOldest()
    },
    delete: remove,
    clear() {
      known.clear()
      sizes?.clear()
      total = 0
    },
  }
}
