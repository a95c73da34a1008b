import { OAuthError } from '../errors.ts'
import { withTimeout } from '../http/timeout.ts'
import { serverError } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'

/**
 * What a function says that the application gave as an option. Who waits for it has no answer meanwhile, so it must come
 * in time.
 *
 * @param option Which one, for events.
 * @throws {OAuthError} What it throws of that kind; `temporarily_unavailable` where it is late, and else `server_error`.
 */
export async function callHook<T>(option: string, ask: () => T | Promise<T>): Promise<T> {
  // What is thrown in time is told from what came too late.
  let late = true
  const work = (async () => ask())().finally(() => {
    late = false
  })
  try {
    return await withTimeout(work, ms.hook)
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause
    const about = { reason: 'hook-failed', detail: option, cause } as const
    if (!late) throw serverError(about)
    throw new OAuthError('temporarily_unavailable', 'The server does not get to an answer, try again', {
      ...about,
      retryAfter: seconds.retryLater,
    })
  }
}
