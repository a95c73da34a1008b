import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import { ruleFor } from '../providers/parts/refresh-errors.ts'
import type { Provider } from '../providers/provider.ts'
import { exchangeFailed, signInEnded } from '../refusals.ts'
import { seconds } from '../timing.ts'
import { ProviderRefusal } from './refusal.ts'
import { UpstreamUnavailable } from './unavailable.ts'
import { describe } from './upstream-error.ts'

/** The user has to sign in again, so that the provider can ask them something. */
const NEEDS_USER = new Set(
  'invalid_grant interaction_required consent_required login_required insufficient_user_authentication'.split(
    ' ',
  ),
)

/** The configuration is wrong. A new sign-in of the user would change nothing. */
const MISCONFIGURED = new Set(
  'invalid_target invalid_scope unauthorized_client invalid_client unsupported_grant_type invalid_request invalid_dpop_proof'.split(
    ' ',
  ),
)

/** Returns `true` if the token of the user may only be too old: another one may be accepted. */
export const mayHaveExpired = (error: unknown): boolean =>
  error instanceof OAuthError &&
  error.code === 'invalid_grant' &&
  error.cause instanceof ProviderRefusal &&
  error.cause.error === 'invalid_grant'

/**
 * Returns the error of a failed exchange. It is `invalid_grant` if the user has to sign in again, and `bad_gateway` if the
 * configuration is wrong. An {@link UpstreamUnavailable} means that a later attempt may succeed.
 */
export function exchangeFailure(
  error: unknown,
  { refreshErrors }: Pick<Provider, 'refreshErrors'>,
): OAuthError {
  if (error instanceof OAuthError) return error
  const { detail, cause } = describe(error)
  const invalid =
    error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError
  if (!(error instanceof ProviderRefusal) || invalid)
    return failed('exchange-response-invalid', detail, cause)
  if (NEEDS_USER.has(error.error ?? ''))
    return signInEnded({ reason: 'exchange-needs-sign-in', detail, cause })
  if (MISCONFIGURED.has(error.error ?? '')) return failed('exchange-misconfigured', detail, cause)
  const means = ruleFor(refreshErrors, error)?.means
  if (means === 'final') return signInEnded({ reason: 'exchange-needs-sign-in', detail, cause })
  if (means === 'transient' || error.error === 'temporarily_unavailable' || error.error === 'slow_down') {
    return new UpstreamUnavailable('The identity provider exchanges no token at the moment', {
      reason: 'provider-error',
      detail,
      cause,
      retryAfter: seconds.providerLater,
      effect: 'none',
      again: undefined,
    })
  }
  return failed('exchange-misconfigured', detail, cause)
}

const failed = (
  reason: 'exchange-misconfigured' | 'exchange-response-invalid',
  detail: string | undefined,
  cause: unknown,
) => exchangeFailed({ reason, detail, cause })
