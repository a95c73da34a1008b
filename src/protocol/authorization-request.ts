import { OAuthError } from '../errors.ts'
import type { Params } from '../http/params.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { isChallenge } from './pkce.ts'
import { matchesRedirectUri, type RedirectPolicy } from './redirect-uri.ts'
import { chooseResource } from './resource.ts'
import { grantableScope, parseScope } from './scope.ts'

/** What these rules need to know of a client. */
export interface RequestingClient {
  readonly redirectUris: readonly string[]
  readonly refreshes: boolean
  /** The scopes it registered; absent means all. */
  readonly scope: readonly string[] | undefined
}

/** What these rules need to know of a resource. */
export interface RequestedResource {
  readonly id: string
  /** Scopes every request to it needs. */
  readonly scopes: readonly string[]
}

/** A request that may be put before the user. */
export interface AuthorizationRequest {
  readonly state: string | undefined
  readonly challenge: string
  readonly scope: readonly string[]
  readonly resource: string
}

const MAX_STATE = 4096

/**
 * Where the answer goes. Until this is settled, no error may be sent by redirect.
 *
 * @throws {OAuthError} `invalid_request` for a missing or unregistered redirect URI, or one of our own origin.
 * @see [OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)
 */
export function chooseRedirectUri(
  requested: string | undefined,
  client: RequestingClient,
  policy: RedirectPolicy,
  ownOrigin: string,
): string {
  const [only, ...others] = client.redirectUris
  const uri = requested ?? (others.length === 0 ? only : undefined)
  if (uri === undefined)
    throw new OAuthError('invalid_request', 'The redirect_uri is missing', {
      reason: 'missing-parameter',
      detail: 'redirect_uri',
    })
  if (!matchesRedirectUri(uri, client.redirectUris, policy)) {
    throw new OAuthError('invalid_request', 'The redirect_uri is not registered for this client', {
      reason: 'redirect-uri-not-registered',
    })
  }
  // An answer sent to ourselves would be taken for the provider's.
  if (new URL(uri).origin === ownOrigin) {
    throw new OAuthError('invalid_request', 'The redirect_uri is an address of this server', {
      reason: 'own-redirect-uri',
    })
  }
  return uri
}

/** The client's `state`, to be returned as it came. @throws {OAuthError} over 4,096 characters. */
export function readState(params: Params): string | undefined {
  const { state } = params.fields
  if (state !== undefined && state.length > MAX_STATE) {
    throw new OAuthError('invalid_request', 'The state is too long', { reason: 'state-too-long' })
  }
  return state
}

/**
 * Checks everything else, in the order of the lines below. Its errors may go back to the client.
 *
 * @throws {OAuthError} `unsupported_response_type`, `invalid_request`, `invalid_target` or `invalid_scope`.
 * @see [RFC 7636 §4.4.1](https://www.rfc-editor.org/rfc/rfc7636#section-4.4.1)
 */
export function checkAuthorizationRequest<R extends RequestedResource>(
  { fields, resources: requested }: Params,
  client: RequestingClient,
  server: {
    readonly resources: readonly [R, ...R[]]
    readonly scopes: readonly string[]
    readonly minimal?: readonly string[]
  },
): Omit<AuthorizationRequest, 'state'> {
  if (fields.response_type === undefined)
    throw invalid('The response_type is missing', 'missing-parameter', 'response_type')
  if (fields.response_type !== 'code') {
    throw new OAuthError('unsupported_response_type', 'Only the response_type code is supported', {
      reason: 'unsupported-response-type',
    })
  }
  if (fields.response_mode !== undefined && fields.response_mode !== 'query') {
    throw invalid('Only the response_mode query is supported', 'unsupported-response-mode')
  }
  if (fields.code_challenge === undefined)
    throw invalid('PKCE is required: the code_challenge is missing', 'pkce-missing')
  // Without a method the challenge would be `plain`, which protects nothing (RFC 7636 §4.3).
  if (fields.code_challenge_method !== 'S256')
    throw invalid('The code_challenge_method must be S256', 'pkce-not-s256')
  if (!isChallenge(fields.code_challenge))
    throw invalid('The code_challenge is not an S256 challenge', 'pkce-malformed')
  const resource = chooseResource(requested, server.resources)
  const supported = server.scopes.filter((scope) => client.scope?.includes(scope) ?? true)
  // Who asks for nothing gets what costs the user nothing at the provider, unless that is nothing.
  const minimal = supported.filter((scope) => server.minimal?.includes(scope) ?? true)
  const usual = minimal.length > 0 ? minimal : supported
  const fallback = resource.scopes.length > 0 ? resource.scopes : usual
  const scope = grantableScope(parseScope(fields.scope), { supported, fallback, offline: client.refreshes })
  return { challenge: fields.code_challenge, scope, resource: resource.id }
}

const invalid = (message: string, reason: ReasonCode, detail?: string) =>
  new OAuthError('invalid_request', message, { reason, detail })
