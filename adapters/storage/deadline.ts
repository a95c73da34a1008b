import { ms, StatedError } from '../../src/internal.ts'

/**
 * Resolves with `work`, or rejects after a deadline, so that an engine that hangs does not hold a request for ever.
 *
 * @param limit Milliseconds.
 * @throws {Error} If `work` takes longer. It is not cancelled, and may still take effect.
 */
export async function within<T>(work: T | PromiseLike<T>, limit: number = ms.storageEngine): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StatedError(`The storage did not respond within ${limit / 1000} s`)),
      limit,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
