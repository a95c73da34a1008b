/** Pauses before further attempts, and the latest start of one after the first. Both in milliseconds. */
export interface RetrySchedule {
  readonly pauses: readonly number[]
  readonly within: number
}

/**
 * Repeats work after a temporary failure, a bounded number of times. Pauses vary by half, so that instances that failed
 * together do not return together.
 *
 * @param again Returns the shortest pause before the work may be repeated after this failure, in seconds, or `undefined` if
 * it must not be repeated.
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  { pauses, within }: RetrySchedule,
  again: (failure: unknown) => number | undefined,
): Promise<T> {
  const began = performance.now()
  for (const usual of pauses) {
    try {
      return await attempt()
    } catch (error) {
      const least = again(error)
      if (least === undefined) throw error
      const pause = Math.max(usual * (0.5 + Math.random()), least * 1000)
      if (performance.now() - began + pause > within) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  return attempt()
}
