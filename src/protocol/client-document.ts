import { OAuthError } from '../errors.ts'
import { type AuthMethod, type Refreshes, readGrantTypes, readRedirectUris } from './client-metadata.ts'
import { type DocumentPolicy, documentUrlProblem } from './document-url.ts'
import { areKeysPublic, type ClientKeys, readKeySet } from './key-set.ts'
import { asObject, membersOf } from './members.ts'
import { redirectUriProblem } from './redirect-uri.ts'
import { OFFLINE_ACCESS } from './scope.ts'
import { readName } from './shown-name.ts'

/** The part of a client's metadata document that is used. */
export interface ClientDocument {
  readonly name: string
  readonly redirectUris: readonly string[]
  /** The client's authentication methods. Never a shared secret. */
  readonly authMethods: readonly AuthMethod[]
  readonly refreshes: Refreshes
  readonly scope: string | undefined
  readonly keys: ClientKeys
}

/** @see [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1) */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Documents have room for more than registrations, which travel in URLs. */
const MAX_REDIRECT_URIS = 50

/** The methods that work without a shared secret. */
const METHODS: readonly AuthMethod[] = ['none', 'private_key_jwt']

const invalid = (problem: string) =>
  new OAuthError('invalid_request', `The metadata document of the app is invalid: ${problem}`, {
    reason: 'client-metadata-refused',
    detail: problem,
  })

/**
 * Reads a client's metadata document. Members that nothing here uses are ignored, and so are redirect URIs that are not
 * allowed, as long as one is left.
 *
 * @param url The document's address. It is the client id, which the document repeats character by character.
 * @throws {OAuthError} `invalid_request`, with the name of the member.
 * @see [Client ID Metadata Document §4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-4.1)
 */
export function readClientDocument(url: string, body: unknown, policy: DocumentPolicy): ClientDocument {
  const object = asObject(body)
  if (!object) throw invalid('it must be a JSON object')
  const members = membersOf(object, invalid)
  if (members.text('client_id') !== url) throw invalid('client_id must be the address of the document')
  const secret = Object.keys(object).find((name) => name.startsWith('client_secret') && object[name] !== null)
  if (secret !== undefined) throw invalid(`${secret} is public in a document`)
  const scope = members.scope('scope')
  const grantTypes = members.list('grant_types')
  // A document need not list the code grant if it lists another one that needs no redirect.
  const exchanges = grantTypes?.includes(JWT_BEARER_GRANT) === true
  const isExchangeOnly = exchanges && !grantTypes.includes('authorization_code')
  const refreshes = isExchangeOnly
    ? false
    : readGrantTypes(grantTypes, members.list('response_types'), invalid)
  const asksOffline = scope?.split(' ').includes(OFFLINE_ACCESS) === true
  return {
    name: readName(members.text('client_name')) ?? new URL(url).host,
    redirectUris: isExchangeOnly && !object.redirect_uris ? [] : readUris(object.redirect_uris),
    refreshes: refreshes === 'if-asked' && asksOffline ? true : refreshes,
    scope,
    ...readAuthentication(
      members.text('token_endpoint_auth_method'),
      members.list('token_endpoint_auth_methods_supported'),
      readKeys(object, policy),
    ),
  }
}

/** Accepts private-use schemes even if they are turned off. The authorization endpoint refuses those alone. */
function readUris(value: unknown): string[] {
  try {
    const policy = { customSchemes: true, loopbackAliases: false }
    return readRedirectUris(value, (uri) => redirectUriProblem(uri, policy), MAX_REDIRECT_URIS)
  } catch (error) {
    throw error instanceof OAuthError && error.detail !== undefined ? invalid(error.detail) : error
  }
}

/** Keys as a document has them, or why they cannot be used. */
type DeclaredKeys = ClientKeys | { readonly problem: string }

/**
 * Reads the authentication methods: the one that the document names, and those that it can choose from. Methods that do
 * not work here are ignored as long as one is left. Keys matter only to a client that signs.
 *
 * @see [OpenID Connect RP Metadata Choices §2](https://openid.net/specs/openid-connect-rp-metadata-choices-1_0.html)
 */
function readAuthentication(
  method: string | undefined,
  choices: readonly string[] | undefined = [],
  keys: DeclaredKeys,
): Pick<ClientDocument, 'authMethods' | 'keys'> {
  if (method?.startsWith('client_secret_')) {
    throw invalid('token_endpoint_auth_method must not be a shared secret')
  }
  const named = method === undefined ? choices : [method, ...choices]
  if (!named.includes('private_key_jwt')) {
    if (named.length > 0 && !named.includes('none')) throw noMethod()
    return { authMethods: ['none'], keys: {} }
  }
  if ('problem' in keys) throw invalid(keys.problem)
  const signs = keys.jwks !== undefined || keys.jwksUri !== undefined
  const usable = METHODS.filter((known) => named.includes(known) && (known === 'none' || signs))
  if (usable.length === 0) throw signs ? noMethod() : invalid('jwks or jwks_uri is missing')
  return { authMethods: usable, keys }
}

const noMethod = () => invalid(`token_endpoint_auth_method must be one of ${METHODS.join(', ')}`)

/**
 * Reads the keys of a document.
 *
 * @throws {OAuthError} `invalid_request` if the document shows a private key.
 * @see [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2) for why there is one or the other
 */
function readKeys(object: Readonly<Record<string, unknown>>, policy: DocumentPolicy): DeclaredKeys {
  const uri = object.jwks_uri ?? undefined
  const jwks = readKeySet(object.jwks)
  if (!areKeysPublic(jwks)) throw invalid('jwks contains a private key')
  if ((object.jwks ?? undefined) !== undefined) {
    if (!jwks) return { problem: 'jwks must be a key set' }
    return uri === undefined ? { jwks } : { problem: 'jwks and jwks_uri must not be used together' }
  }
  if (uri === undefined) return {}
  if (typeof uri !== 'string') return { problem: 'jwks_uri must be a text' }
  const problem = documentUrlProblem(uri, policy)
  return problem === undefined ? { jwksUri: uri } : { problem: `jwks_uri is not allowed: ${problem}` }
}
