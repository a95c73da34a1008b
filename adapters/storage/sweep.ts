/** How many records each write pays for. More than one, or the store would grow faster than it is swept. */
const PER_WRITE = 2
/** What writes may be owed at most, so that a burst is not followed by a long one of reads. */
const LONGEST_DEBT = 500
/** How many writes there are from the end of one round to the start of the next: listing is not free either. */
const PAUSE = 200

/**
 * For engines that keep no time: removes what has expired, a few records at every write. No write waits for it, no
 * read starts it, and a failure of it is nobody's: the next round tries again.
 *
 * @param list Everything there is to look at, from the start.
 * @param look Removes it where it has expired.
 * @returns What to call after each write.
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
      await look(next.value)
    }
  }

  return () => {
    if (pause-- > 0) return
    debt = Math.min(debt + PER_WRITE, LONGEST_DEBT)
    if (busy) return
    busy = true
    void pay()
      .catch(() => {
        round = undefined
      })
      .finally(() => {
        busy = false
      })
  }
}
