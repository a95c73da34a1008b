import { UpstreamUnavailable } from '../upstream/unavailable.ts'

/** Pauses before further attempts, and the latest start of one after the first. Both in milliseconds. */
export interface RetrySchedule {
  readonly pauses: readonly number[]
  readonly within: number
}

/**
 * Repeats a request after a temporary failure, a bounded number of times. Pauses vary by half, so that instances that
 * failed together do not return together.
 *
 * @param mayRepeat Returns `true` if the request may be sent again after this failure.
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  { pauses, within }: RetrySchedule,
  mayRepeat: (failure: UpstreamUnavailable) => boolean,
): Promise<T> {
  const began = performance.now()
  for (const usual of pauses) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof UpstreamUnavailable) || !mayRepeat(error)) throw error
      const pause = Math.max(usual * (0.5 + Math.random()), (error.again ?? 0) * 1000)
      if (performance.now() - began + pause > within) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  return attempt()
}
