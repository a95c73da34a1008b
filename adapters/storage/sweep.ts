/** Records that each write pays for. More than one, or the store would grow faster than it is swept. */
const PER_WRITE = 2
/** Records that writes may owe at most, so that a burst of writes is not followed by a long one of reads. */
const LONGEST_DEBT = 500
/** Writes from the end of one round to the start of the next, because a listing has its price too. */
const PAUSE = 200

/**
 * Removes expired records from an engine that keeps no time: a few at each write, one round through all records after
 * another. No write waits for it, no read starts it, and at most one runs at a time. A record that cannot be looked at is
 * left for the next round.
 *
 * @param list Lists everything from the start, as far as it is asked for.
 * @param look Removes an entry that has expired.
 * @returns A function to call after each write.
 */
export function createSweep<T>(list: () => AsyncIterable<T>, look: (entry: T) => Promise<void>): () => void {
  let round: AsyncIterator<T> | undefined
  let debt = 0
  let pause = 0
  let busy = false

  async function pay(): Promise<void> {
    round ??= list()[Symbol.asyncIterator]()
    while (debt > 0) {
      debt--
      const next = await round.next()
      if (next.done) {
        round = undefined
        debt = 0
        pause = PAUSE
        return
      }
      await look(next.value).catch(() => {})
    }
  }

  return () => {
    if (pause-- > 0) return
    debt = Math.min(debt + PER_WRITE, LONGEST_DEBT)
    if (busy) return
    busy = true
    void pay()
      .catch(() => {
        // A listing that failed does not start again at the next write.
        round = undefined
        pause = PAUSE
      })
      .finally(() => {
        busy = false
      })
  }
}
