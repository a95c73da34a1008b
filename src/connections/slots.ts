/** A limit on the requests that are sent to one provider at once. */
export interface Slots {
  /**
   * Waits for a free slot.
   *
   * @param within The longest wait in milliseconds.
   * @returns A function that frees the slot, or `undefined` if none was free in time.
   */
  take(within: number): Promise<(() => void) | undefined>
}

/**
 * @param limit The number of slots.
 * @param longest Milliseconds after which a slot is free again in any case. Some runtimes drop the rest of a request that
 * its client cancelled, and then no function frees the slot.
 */
export function createSlots(limit: number, longest: () => number): Slots {
  const taken = new Set<{ readonly since: number }>()
  const waiting = new Set<() => void>()

  function claim(): (() => void) | undefined {
    const now = performance.now()
    for (const one of taken) if (now - one.since > longest()) taken.delete(one)
    if (taken.size >= limit) return undefined
    const slot = { since: now }
    taken.add(slot)
    return () => {
      taken.delete(slot)
      const [next] = waiting
      next?.()
    }
  }

  return {
    async take(within) {
      const free = claim()
      if (free || within <= 0) return free
      return new Promise((resolve) => {
        const stop = (release: (() => void) | undefined) => {
          clearTimeout(timer)
          waiting.delete(attempt)
          resolve(release)
        }
        const attempt = () => {
          const release = claim()
          if (release) stop(release)
        }
        const timer = setTimeout(() => stop(claim()), within)
        waiting.add(attempt)
      })
    },
  }
}
