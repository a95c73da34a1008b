import { OAuthError } from '../errors.ts'
import type { Params } from '../http/params.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import type { Refreshes } from './client-metadata.ts'
import { isChallenge } from './pkce.ts'
import { matchesRedirectUri, printableUri, type RedirectPolicy } from './redirect-uri.ts'
import { chooseResource } from './resource.ts'
import { covers, grantableScope, OFFLINE_ACCESS, parseScope, type ScopeTable } from './scope.ts'

/** The part of a client that these rules need. */
export interface RequestingClient {
  readonly redirectUris: readonly string[]
  readonly refreshes: Refreshes
  /** The scopes that it may have. Absent: all. */
  readonly scope: readonly string[] | undefined
  /** The scopes that it gets if a request names none. By default those of the resource. */
  readonly usualScope?: readonly string[] | undefined
}

/** The part of a resource that these rules need. */
export interface RequestedResource {
  readonly id: string
  /** Scopes that every request to the resource needs. */
  readonly scopes: readonly string[]
  /** Scopes for a client that requests none. */
  readonly defaultScope: readonly string[]
  /** The scopes that a provider of the resource can give. Default: all. */
  readonly offered?: readonly string[]
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
 * Chooses where the response goes. Before that is settled, no error may be sent by redirect.
 *
 * @throws {OAuthError} `invalid_request` for a missing or unregistered redirect URI, or one at this server's origin.
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
      detail: printableUri(uri),
    })
  }
  // A response to this server would be taken for the provider's.
  if (new URL(uri).origin === ownOrigin) {
    throw new OAuthError('invalid_request', 'The redirect_uri is an address of this server', {
      reason: 'redirect-uri-of-this-server',
      detail: printableUri(uri),
    })
  }
  return uri
}

/**
 * Reads the client's `state`, which returns to the client as it came.
 *
 * @throws {OAuthError} `invalid_request` if it is over 4,096 characters.
 */
export function readState(params: Params): string | undefined {
  const { state } = params.fields
  if (state !== undefined && state.length > MAX_STATE) {
    throw new OAuthError('invalid_request', 'The state is too long', { reason: 'state-too-long' })
  }
  return state
}

/** A checked request, and whether it leads to refresh tokens. */
export type CheckedRequest = Omit<AuthorizationRequest, 'state'> & { readonly refreshes: boolean }

/**
 * Checks everything else, in the order of the lines below. Its errors may be sent to the client.
 *
 * @throws {OAuthError} `unsupported_response_type`, `invalid_request`, `invalid_target` or `invalid_scope`.
 * @see [RFC 7636 §4.4.1](https://www.rfc-editor.org/rfc/rfc7636#section-4.4.1)
 */
export function checkAuthorizationRequest<R extends RequestedResource>(
  { fields, resources: requested }: Params,
  client: RequestingClient,
  server: {
    readonly resources: readonly [R, ...R[]]
    readonly scopes: ScopeTable
  },
): CheckedRequest {
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
  const asked = parseScope(fields.scope)
  const refreshes = client.refreshes === 'if-asked' ? asked.includes(OFFLINE_ACCESS) : client.refreshes
  const scope = grantableScope(asked, { ...scopesFor(client, resource, server.scopes), offline: refreshes })
  return { challenge: fields.code_challenge, scope, resource: resource.id, refreshes }
}

/** Returns the scopes that a client may have, and those that it gets for a request without scope. */
function scopesFor(
  client: RequestingClient,
  resource: RequestedResource,
  table: ScopeTable,
): { supported: readonly string[]; fallback: readonly string[] } {
  const mayHave = (scope: string) =>
    (client.scope === undefined || covers(client.scope, [scope], table)) &&
    (resource.offered?.includes(scope) ?? true)
  const supported = Object.keys(table).filter(mayHave)
  // A token without a required scope would be of no use.
  if (!resource.scopes.every(mayHave)) return { supported, fallback: [] }
  const own = client.usualScope?.filter(mayHave) ?? []
  const usual = own.length > 0 ? own : resource.defaultScope.filter(mayHave)
  return { supported, fallback: usual.length > 0 ? usual : supported }
}

const invalid = (message: string, reason: ReasonCode, detail?: string) =>
  new OAuthError('invalid_request', message, { reason, detail })
