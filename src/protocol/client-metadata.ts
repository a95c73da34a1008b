import { OAuthError } from '../errors.ts'
import { areKeysPublic, type KeySet, readKeySet, verificationKey } from './key-set.ts'
import { asObject, membersOf } from './members.ts'
import { type RedirectPolicy, redirectUriProblem } from './redirect-uri.ts'
import { readName } from './shown-name.ts'

/** A method by which a client authenticates at the token endpoint. */
export type AuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/** The methods that a client may register. Their order is part of every sealed client id. */
export const AUTH_METHODS: readonly AuthMethod[] = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
]

/** The methods of a client that has a secret. A right secret is accepted in the header and in the body. */
export const SECRET_METHODS: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post']

/** The algorithms that a client may sign assertions with. */
export const SIGNING_ALGORITHMS: readonly string[] = ['RS256', 'ES256', 'PS256', 'EdDSA']

/** The rule about refresh tokens of a client: always, never, or for requests with the scope `offline_access`. */
export type Refreshes = boolean | 'if-asked'

/** The part of a registration that is kept. */
export interface ClientMetadata {
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly authMethod: AuthMethod
  readonly refreshes: Refreshes
  readonly scope: string | undefined
  /** The public keys of a client that signs assertions. */
  readonly jwks?: KeySet | undefined
}

const MAX_REDIRECT_URIS = 10

const invalidMetadata = (problem: string) =>
  new OAuthError('invalid_client_metadata', `The client metadata is invalid: ${problem}`, {
    reason: 'invalid-client-metadata',
    detail: problem,
  })

/** Rules for a registration. */
export interface RegistrationRules {
  readonly redirectUris: RedirectPolicy
  /** The origin of this server. A response that is sent there would be taken for the provider's. */
  readonly ownOrigin: string
  /** The method of a client that names none. Default: `none`. */
  readonly authMethod?: AuthMethod
}

/**
 * Reads a registration request. Members that nothing here uses are ignored, and so are redirect URIs that are not
 * allowed, as long as one is left. The response tells the client what was kept.
 *
 * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`, with the name of the member.
 * @see [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2)
 */
export function readClientMetadata(body: unknown, rules: RegistrationRules): ClientMetadata {
  const object = asObject(body)
  if (!object) throw invalidMetadata('it must be a JSON object')
  const redirectUris = readRedirectUris(
    object.redirect_uris,
    (uri) => redirectUriProblem(uri, rules.redirectUris) ?? ownOriginProblem(uri, rules.ownOrigin),
  )
  const members = membersOf(object, invalidMetadata)
  const method = members.text('token_endpoint_auth_method') ?? rules.authMethod ?? 'none'
  const authMethod = AUTH_METHODS.find((known) => known === method)
  // RFC 7591 would allow another method instead. A client that relies on its keys must not become public unnoticed.
  if (!authMethod)
    throw invalidMetadata(`token_endpoint_auth_method must be one of ${AUTH_METHODS.join(', ')}`)
  return {
    name: readName(members.text('client_name')),
    redirectUris,
    authMethod,
    refreshes: readGrantTypes(members.list('grant_types'), members.list('response_types'), invalidMetadata),
    scope: members.scope('scope'),
    ...(authMethod === 'private_key_jwt' && { jwks: readKeys(object) }),
  }
}

/**
 * Reads the keys of a client that signs assertions. They come with the registration: a request that proves nothing must
 * not make this server fetch from an address of the sender's choice.
 */
function readKeys({ jwks, jwks_uri: uri }: Readonly<Record<string, unknown>>): KeySet {
  if ((uri ?? undefined) !== undefined)
    throw invalidMetadata('jwks_uri is not read at registrations: send the keys as jwks')
  if ((jwks ?? undefined) === undefined) throw invalidMetadata('jwks is missing, which private_key_jwt needs')
  const set = readKeySet(jwks)
  if (!set) throw invalidMetadata('jwks must be a key set')
  if (!areKeysPublic(set)) throw invalidMetadata('jwks contains a private key')
  const keys = set.keys.map(verificationKey).filter((key) => key !== undefined)
  if (keys.length > 0) return { keys }
  throw invalidMetadata(`jwks has no public key for ${SIGNING_ALGORITHMS.join(', ')}`)
}

/** On a developer's machine client and server may share a host. There the URI is checked when it is used. */
function ownOriginProblem(uri: string, ownOrigin: string): string | undefined {
  const { origin, protocol } = new URL(uri)
  return origin === ownOrigin && protocol === 'https:' ? 'is an address of this server' : undefined
}

/**
 * Reads whether the client refreshes. A client that names no grant types refreshes if it requests `offline_access`.
 *
 * @throws The error of `refuse` if the client cannot use the code grant.
 */
export function readGrantTypes(
  grantTypes: readonly string[] | undefined,
  responseTypes: readonly string[] | undefined,
  refuse: (problem: string) => Error,
): Refreshes {
  if (grantTypes && !grantTypes.includes('authorization_code')) {
    throw refuse('grant_types must contain authorization_code')
  }
  if (responseTypes && !responseTypes.includes('code')) throw refuse('response_types must contain code')
  return grantTypes ? grantTypes.includes('refresh_token') : 'if-asked'
}

/**
 * Returns the allowed redirect URIs, each once.
 *
 * @param problemOf Explains why a URI is not allowed, or returns `undefined`.
 * @throws {OAuthError} `invalid_redirect_uri` if none is allowed, or if there are more than `limit`.
 */
export function readRedirectUris(
  value: unknown,
  problemOf: (uri: string) => string | undefined,
  limit: number = MAX_REDIRECT_URIS,
): string[] {
  if (value === undefined || value === null) throw invalidRedirect('redirect_uris is missing')
  if (!Array.isArray(value) || value.length === 0)
    throw invalidRedirect('redirect_uris must be a list of URIs')
  if (value.length > limit) throw invalidRedirect(`redirect_uris has more than ${limit} URIs`)
  const judged = value.map((uri: unknown, index) => {
    const problem = typeof uri === 'string' ? problemOf(uri) : 'is not a text'
    return { uri: uri as string, problem: problem && `redirect_uris.${index} ${problem}` }
  })
  const allowed = judged.filter(({ problem }) => problem === undefined).map(({ uri }) => uri)
  if (allowed.length === 0) throw invalidRedirect(judged[0]!.problem!)
  return [...new Set(allowed)]
}

const invalidRedirect = (problem: string) =>
  new OAuthError('invalid_redirect_uri', `A redirect URI is not allowed: ${problem}`, {
    reason: 'invalid-redirect-uri',
    detail: problem,
  })
