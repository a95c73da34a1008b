import * as oauth from 'oauth4webapi'
import { type ErrorDetail, OAuthError } from '../errors.ts'
import { showIssuer } from '../providers/parts/issuer.ts'
import { ruleFor } from '../providers/parts/refresh-errors.ts'
import type { Provider } from '../providers/provider.ts'
import { signInEnded, signInFailed } from '../refusals.ts'
import { seconds } from '../timing.ts'
import { InvalidResponse, ProviderRefusal } from './refusal.ts'
import { UpstreamUnavailable } from './unavailable.ts'

/** An error code of words only. Anything else that a provider writes there, even a token, stays out of events. */
const CODE = /^[a-z]{1,20}(_[a-z]{1,20}){0,5}$/i

const codeOf = (error: string | undefined): string | undefined =>
  error === undefined || CODE.test(error) ? error : 'an error of its own'

/** Members of a refusal that hold a second code. */
const SUBCODES = ['suberror', 'error_subtype', 'subError']

/** Returns the codes of a refusal: its error, Microsoft's numbers and second codes. Never a sentence. */
function codesOf(error: string | undefined, description = '', body: unknown = {}): string | undefined {
  const numbers = description.match(/\bAADSTS\d{4,8}\b/g)?.slice(0, 3) ?? []
  const more = SUBCODES.map((name) => (body as Record<string, unknown> | undefined)?.[name])
  const words = more.filter((word): word is string => typeof word === 'string' && CODE.test(word))
  const codes = [codeOf(error), ...numbers, ...words].filter((code) => code !== undefined)
  return codes.length > 0 ? codes.join(' ') : undefined
}

const ALG = /^[A-Za-z0-9-]{1,12}$/

/** Returns the reason for an invalid response in the words of the library, with the values that an operator needs. */
function explain({ message, cause }: Error): string {
  const about = (typeof cause === 'object' ? cause : undefined) as
    | {
        claim?: unknown
        expected?: unknown
        claims?: { iss?: unknown }
        parameters?: URLSearchParams
        header?: { alg?: unknown }
        alg?: unknown
        body?: { token_type?: unknown }
      }
    | undefined
  const alg = about?.header?.alg ?? about?.alg
  if (/"iss"|"issuer"/.test(message) && about?.expected !== undefined) {
    const named =
      about.claims?.iss ?? about.parameters?.get('iss') ?? (about.body as { issuer?: unknown })?.issuer
    return `${message}: expected ${showIssuer(about.expected)}, got ${showIssuer(named)}`
  }
  if (typeof alg === 'string' && ALG.test(alg)) {
    return `${message}: ${alg}. Choose RS256 or ES256 for the application at the provider`
  }
  const type = about?.body?.token_type
  if (message.includes('token_type') && typeof type === 'string' && ALG.test(type)) {
    return `${message}: ${type}. If it is a bearer token, set overrides: { answer: { tokenType: 'bearer' } }`
  }
  return message
}

function problemOf(error: unknown): string | undefined {
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError)
    return explain(error)
  return error instanceof InvalidResponse ? error.message : undefined
}

const clockOf = ({ skew }: ProviderRefusal): string =>
  skew === undefined
    ? ''
    : `; the clock of the provider is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} this one`

/** Returns reason and detail of a failure, for events. */
export function describe(error: unknown): ErrorDetail {
  if (error instanceof ProviderRefusal) {
    const codes = codesOf(error.error, error.description, error.body)
    const detail = codes ?? `status ${error.status}`
    return { reason: 'provider-error', detail: detail + clockOf(error), cause: error }
  }
  if (error instanceof oauth.AuthorizationResponseError) {
    const codes = codesOf(error.error, error.error_description)
    return { reason: 'provider-error', detail: codes, cause: error }
  }
  return { reason: 'provider-response-invalid', detail: problemOf(error), cause: error }
}

/** Returns the error of a failed callback or code exchange, as the client may know it. */
export function exchangeError(error: unknown, { refreshErrors }: Provider): OAuthError {
  if (error instanceof OAuthError) return error
  const detail = describe(error)
  if (error instanceof oauth.AuthorizationResponseError) {
    if (error.error === 'access_denied')
      return new OAuthError('access_denied', 'The sign-in was declined', detail)
    if (error.error === 'temporarily_unavailable') return away(detail)
  }
  if (error instanceof ProviderRefusal) {
    const means = ruleFor(refreshErrors, error)?.means
    if (means === 'transient') return away(detail)
    if (means === 'configuration') return failed({ ...detail, reason: 'provider-refuses-application' })
  }
  return failed(detail)
}

const away = (detail: ErrorDetail) =>
  new OAuthError('temporarily_unavailable', 'The identity provider is not available', detail)

const failed = (detail: ErrorDetail) => signInFailed(detail)

/**
 * Returns the error of a failed refresh: `invalid_grant` if a rule calls the refusal final, else an
 * {@link UpstreamUnavailable}, which leaves the grant alive.
 */
export function refreshError(error: unknown, { refreshErrors }: Provider): OAuthError {
  if (error instanceof OAuthError) return error
  const detail = describe(error)
  const rule = error instanceof ProviderRefusal ? ruleFor(refreshErrors, error) : undefined
  if (rule?.means === 'final') {
    return signInEnded(detail)
  }
  const isNamed = rule !== undefined || (error instanceof ProviderRefusal && error.error !== undefined)
  return new UpstreamUnavailable('The identity provider refuses to refresh at the moment', {
    ...detail,
    ...(rule?.means === 'configuration' && { reason: 'provider-refuses-application' }),
    retryAfter: seconds.refreshRefused,
    // A named refusal means that the provider did nothing. After an unreadable response the outcome is unknown.
    effect: isNamed ? 'none' : 'unclear',
    again: rule?.means === 'transient' ? rule.again : undefined,
  })
}

/**
 * Keeps new tokens if the keys of their ID token cannot be fetched: the old tokens may be gone. The new ones came from
 * the provider over TLS, and their subject is still compared.
 */
export function unlessKeysAreAway(error: unknown): void {
  if (!(error instanceof UpstreamUnavailable)) throw error
}

export const anotherPerson = (): OAuthError => signInEnded({ reason: 'refresh-subject-mismatch' })
