import { type ErrorDetail, OAuthError } from './errors.ts'
import type { ReasonCode } from './reasons/reasons.ts'

// Refusals that more than one place needs, so that each sentence is written once.

/** Refuses a grant because the provider does not accept its tokens any more: the user has to sign in again. */
export const signInEnded = (detail: ErrorDetail): OAuthError =>
  new OAuthError('invalid_grant', 'The sign-in at the identity provider has ended', detail)

/**
 * Refuses a code or a refresh token. One sentence for every fault: `reason` and `detail` are for the event.
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export const invalidGrant = (reason: ReasonCode, detail?: string): OAuthError =>
  new OAuthError('invalid_grant', 'The grant is invalid, expired or was issued to another client', {
    reason,
    detail,
  })

/**
 * Refuses an assertion. One sentence for every fault: the peer learns nothing about the check that failed.
 *
 * @see [RFC 7521 §4.1.1](https://www.rfc-editor.org/rfc/rfc7521#section-4.1.1)
 */
export const invalidAssertion = (reason: ReasonCode, detail?: string): OAuthError =>
  new OAuthError('invalid_grant', 'The assertion was not accepted', { reason, detail })

/**
 * Refuses a bearer token. One sentence for every fault.
 *
 * @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
 */
export function invalidToken(reason: ReasonCode, detail?: string): OAuthError {
  const made = detail === undefined ? invalidTokens.get(reason) : undefined
  if (made) return made
  const message = 'The access token is invalid, expired or revoked'
  const error = Object.freeze(new OAuthError('invalid_token', message, { reason, detail }))
  if (detail === undefined) invalidTokens.set(reason, error)
  return error
}

/** One error per reason. A flood of invalid tokens would pay most of its cost for stack traces. */
const invalidTokens = new Map<ReasonCode, OAuthError>()

/** Refuses a provider token to a caller who has none. */
export const noProviderToken = (detail: string): OAuthError =>
  new OAuthError('access_denied', 'There is no token of a provider for this user', {
    reason: 'no-provider-token',
    detail,
  })

/** Refuses a client. One sentence for every fault: the part that was wrong is for the event. */
export const invalidClient = (reason: ReasonCode, detail?: string): OAuthError =>
  new OAuthError('invalid_client', 'Client authentication failed', { reason, detail })

/** Refuses a request that authenticates the client in two ways (RFC 6749 §2.3). */
export const multipleAuthMethods = (): OAuthError =>
  new OAuthError('invalid_request', 'Use only one client authentication method', {
    reason: 'multiple-auth-methods',
  })

/** Refuses a path that two programs may read differently. `detail` says why, without the path. */
export const ambiguousPath = (detail: string): OAuthError =>
  new OAuthError('invalid_request', 'The path of the request can be read in more than one way', {
    reason: 'ambiguous-path',
    detail,
  })

/** Refuses a form that a page of another site posted. */
export const foreignForm = (): OAuthError =>
  new OAuthError('access_denied', 'The form was sent from another site', { reason: 'foreign-origin' })

/** Refuses a form that does not belong to this browser or session. */
export const alteredForm = (code: 'access_denied' | 'invalid_request', reason: ReasonCode): OAuthError =>
  new OAuthError(code, 'The form was altered or is incomplete', { reason })

/** Refuses a response of a provider that the sign-in was not sent to (RFC 9700 §4.4). */
export const responseFromElsewhere = (reason: ReasonCode): OAuthError =>
  new OAuthError(
    'access_denied',
    'The response came from a different identity provider than the sign-in was sent to',
    { reason },
  )

/** Reports that the provider did not complete the sign-in. */
export const signInFailed = (detail: ErrorDetail): OAuthError =>
  new OAuthError('server_error', 'The sign-in at the identity provider failed', detail)

/** The sentence for a provider that does not respond, or not as the specifications demand. */
export const PROVIDER_UNAVAILABLE = 'The identity provider is unavailable at the moment'

/** Reports an error of this server, without a word about it. */
export const serverError = (detail: ErrorDetail): OAuthError =>
  new OAuthError('server_error', 'Something went wrong on our side', detail)

/** Reports that too many requests changed one record at once. */
export const busy = (reason: ReasonCode): OAuthError =>
  new OAuthError('temporarily_unavailable', 'The server is busy, try again', { reason, retryAfter: 1 })

/** Reports that the token for an MCP server cannot be exchanged. The provider's own words are for the event. */
export const exchangeFailed = (detail: ErrorDetail): OAuthError =>
  new OAuthError('bad_gateway', 'The token for the server behind cannot be obtained', detail)

/** Reports that the provider issued an access token that no header can carry. */
export const malformedProviderToken = (): OAuthError =>
  new OAuthError('bad_gateway', 'The identity provider issued an access token that is not valid', {
    reason: 'malformed-provider-token',
  })

/** The sentence for a path that leads to no endpoint. */
export const NOTHING_HERE = 'There is nothing at this address'

/** @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1) */
export const tokenTwice = (): OAuthError =>
  new OAuthError('invalid_request', 'The access token is sent in more than one way', {
    reason: 'token-sent-twice',
  })
