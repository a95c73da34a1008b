import { UpstreamUnavailable } from '../upstream/unavailable.ts'

/** When to ask once more, in milliseconds after each failure, and until when a new attempt may begin. */
export interface Patience {
  readonly pauses: readonly number[]
  readonly within: number
}

/**
 * Asks again after trouble that may pass at once, a bounded number of times. Pauses vary by half, so that instances
 * that failed together do not come back together.
 *
 * @param mayRepeat Whether the request may be sent again after this trouble.
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  { pauses, within }: Patience,
  mayRepeat: (trouble: UpstreamUnavailable) => boolean,
): Promise<T> {
  const began = Date.now()
  for (const usual of pauses) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof UpstreamUnavailable) || !mayRepeat(error)) throw error
      const pause = Math.max(usual * (0.5 + Math.random()), (error.again ?? 0) * 1000)
      if (Date.now() - began + pause > within) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  return attempt()
}
