import { ms } from '../../src/internal.ts'

/**
 * An engine that hangs must be an error, not a request that never ends.
 *
 * @param limit Milliseconds.
 * @throws {Error} Where `work` takes longer. It is not undone: it may still happen.
 */
export async function within<T>(work: T | PromiseLike<T>, limit: number = ms.storageEngine): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The storage did not answer within ${limit / 1000} s`)), limit)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
