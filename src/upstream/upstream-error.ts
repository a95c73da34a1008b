import * as oauth from 'oauth4webapi'
import { type ErrorDetail, OAuthError } from '../errors.ts'
import { UpstreamUnavailable } from './unavailable.ts'

/** An answer of the provider that names an error: at the callback, or from its token endpoint. */
function namedError(error: unknown): string | undefined {
  const named = error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError
  if (!named) return undefined
  // Words only: what else a provider puts there, and be it a token, stays out of the events.
  return /^[a-z]{1,20}(_[a-z]{1,20}){0,5}$/.test(error.error) ? error.error : 'an error of its own'
}

const describe = (error: unknown): ErrorDetail => {
  const name = namedError(error)
  return {
    reason: name ? 'provider-error' : 'provider-answer-invalid',
    detail: name,
    cause: error,
  }
}

/** What went wrong at the callback, as the client may know it. */
export function exchangeError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  const detail = describe(error)
  if (error instanceof oauth.AuthorizationResponseError) {
    if (error.error === 'access_denied')
      return new OAuthError('access_denied', 'The sign-in was declined', detail)
    if (error.error === 'temporarily_unavailable') {
      return new OAuthError('temporarily_unavailable', 'The identity provider is not available', detail)
    }
  }
  return new OAuthError('server_error', 'The sign-in at the identity provider failed', detail)
}

/**
 * Only what the provider calls the end of a grant says that it is over; all else may be somebody's mistake.
 *
 * @param terminal The errors that mean it.
 */
export function refreshError(error: unknown, terminal: readonly string[]): OAuthError {
  if (error instanceof OAuthError) return error
  if (error instanceof oauth.ResponseBodyError && terminal.includes(error.error)) {
    return new OAuthError('invalid_grant', 'The sign-in at the identity provider has ended', describe(error))
  }
  return new UpstreamUnavailable('The identity provider refuses to refresh at the moment', {
    ...describe(error),
    retryAfter: 30,
    // A refusal that has a name is one; of an answer that makes no sense nobody knows what it came of.
    effect: error instanceof oauth.ResponseBodyError ? 'none' : 'unclear',
    again: undefined,
  })
}

/**
 * The new tokens are there and the old ones may be gone: they are not thrown away because the keys cannot be fetched.
 * They came from the provider itself, and are still held to their subject.
 */
export function unlessKeysAreAway(error: unknown): void {
  if (!(error instanceof UpstreamUnavailable)) throw error
}

export const anotherPerson = (): OAuthError =>
  new OAuthError('invalid_grant', 'The sign-in at the identity provider has ended', {
    reason: 'refresh-of-another-person',
  })
