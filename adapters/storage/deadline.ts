/** Milliseconds after which an engine that says nothing counts as failed: well within what a client waits. */
const PATIENCE = 5000

/**
 * An engine that hangs must be an error, not a request that never ends.
 *
 * @param ms Milliseconds.
 * @throws {Error} Where `work` takes longer. It is not undone: it may still happen.
 */
export async function within<T>(work: T | PromiseLike<T>, ms: number = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The storage did not answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
