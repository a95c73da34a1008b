import { OAuthError, StatedError } from '../errors.ts'
import { withTimeout } from '../http/timeout.ts'
import { serverError } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'

/**
 * Calls a hook, an option that is a function, with a deadline.
 *
 * @param option The name of the option, for events.
 * @throws {OAuthError} The one that the hook throws to refuse. `temporarily_unavailable` after the deadline, and
 * `server_error` for any other exception.
 */
export async function callHook<T>(option: string, hook: () => T | Promise<T>): Promise<T> {
  let isLate = true
  const work = (async () => hook())().finally(() => {
    isLate = false
  })
  try {
    return await withTimeout(work, ms.hook)
  } catch (cause) {
    if (!isLate) throw hookError(option, cause)
    throw new OAuthError('temporarily_unavailable', 'The server took too long to respond, try again', {
      reason: 'hook-failed',
      detail: option,
      cause,
      retryAfter: seconds.retryLater,
    })
  }
}

/**
 * Calls a hook that must return at once.
 *
 * @throws {OAuthError} As {@link callHook} does, but for the deadline.
 */
export function callHookNow<T>(option: string, hook: () => T): T {
  try {
    const result = hook()
    if (result instanceof Promise) throw new StatedError('expected a value, not a promise')
    return result
  } catch (cause) {
    throw hookError(option, cause)
  }
}

/** Returns the refusal of a hook, or a server error for any other exception. */
const hookError = (option: string, cause: unknown): OAuthError =>
  cause instanceof OAuthError ? cause : serverError({ reason: 'hook-failed', detail: option, cause })
