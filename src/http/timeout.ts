import { StatedError } from '../errors.ts'

/**
 * Resolves with `work`, or rejects after `milliseconds`. The work is not cancelled, and a late result is ignored.
 *
 * @throws {Error} After the deadline. Otherwise the error of `work`.
 */
export async function withTimeout<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StatedError(`no answer within ${milliseconds / 1000} s`)),
      milliseconds,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
