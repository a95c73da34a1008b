import * as v from 'valibot'
import { OAuthError } from '../errors.ts'
import { type AuthMethod, readName, readRedirectUris } from './client-metadata.ts'
import { type DocumentPolicy, documentUrlProblem } from './document-url.ts'

/** What is used of a client's metadata document. */
export interface ClientDocument {
  readonly name: string
  readonly redirectUris: readonly string[]
  /** What it may prove itself by: never a shared secret. */
  readonly authMethods: readonly AuthMethod[]
  readonly refreshes: boolean
  readonly scope: string | undefined
  readonly keys: ClientKeys
}

/** Public keys: themselves, or where they are. */
export interface ClientKeys {
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined
  readonly jwksUri?: string | undefined
}

/** A document has room for no more than this; registrations are kept shorter, since they travel. */
const MAX_REDIRECT_URIS = 50

/** What works without a shared secret. */
const METHODS: readonly AuthMethod[] = ['none', 'private_key_jwt']

const words = v.pipe(v.array(v.pipe(v.string(), v.maxLength(100))), v.maxLength(50))
const text = v.pipe(v.string(), v.maxLength(1000))

const Document = v.looseObject({
  client_id: v.string(),
  client_name: text,
  redirect_uris: v.array(v.string()),
  token_endpoint_auth_method: v.exactOptional(text),
  token_endpoint_auth_methods_supported: v.exactOptional(words),
  grant_types: v.exactOptional(words),
  response_types: v.exactOptional(words),
  scope: v.exactOptional(text),
  jwks: v.exactOptional(v.looseObject({ keys: v.array(v.record(v.string(), v.unknown())) })),
  jwks_uri: v.exactOptional(v.string()),
})

const invalid = (detail: string) =>
  new OAuthError('invalid_request', 'The app that sent you here describes itself wrongly', {
    reason: 'document-refused',
    detail,
  })

/**
 * Judges a client's metadata document. Unknown members are ignored.
 *
 * @param url Where it was found: the client id, to be repeated in it character by character.
 * @throws {OAuthError} `invalid_request`
 * @see [Client ID Metadata Document §4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-4.1)
 */
export function readClientDocument(url: string, body: unknown, policy: DocumentPolicy): ClientDocument {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('not an object')
  const result = v.safeParse(Document, body, { abortEarly: true })
  if (!result.success) throw invalid(`bad ${v.getDotPath(result.issues[0]) ?? 'body'}`)
  const fields = result.output
  if (fields.client_id !== url) throw invalid('its client_id is not its address')
  const secret = Object.keys(fields).find((name) => name.startsWith('client_secret'))
  if (secret !== undefined) throw invalid('has a client secret')
  const name = readName(fields.client_name)
  if (name === undefined) throw invalid('bad client_name')
  const grants = fields.grant_types ?? ['authorization_code']
  const responses = fields.response_types ?? ['code']
  if (!grants.includes('authorization_code') || !responses.includes('code')) {
    throw invalid('no usable grant and response type')
  }
  const keys = readKeys({ jwks: fields.jwks, jwksUri: fields.jwks_uri }, policy)
  return {
    name,
    redirectUris: readUris(fields.redirect_uris),
    authMethods: readMethods(
      fields.token_endpoint_auth_method,
      fields.token_endpoint_auth_methods_supported,
      keys,
    ),
    keys,
    refreshes: grants.includes('refresh_token'),
    scope: fields.scope || undefined,
  }
}

/** Custom schemes may stand in it even where they are turned off: then nobody can use them, but the rest can. */
function readUris(uris: readonly string[]): string[] {
  try {
    return readRedirectUris(uris, { customSchemes: true, loopbackAliases: false }, MAX_REDIRECT_URIS)
  } catch (error) {
    throw invalid(error instanceof OAuthError ? (error.detail ?? 'bad redirect_uris') : 'bad redirect_uris')
  }
}

/**
 * The one method, and with it those a client says it has to choose from. Of the latter, what does not work here is
 * as if it were not there.
 *
 * @see [OpenID Connect RP Metadata Choices §2](https://openid.net/specs/openid-connect-rp-metadata-choices-1_0.html)
 */
function readMethods(
  method: string | undefined,
  choices: readonly string[] | undefined = [],
  { jwks, jwksUri }: ClientKeys,
): AuthMethod[] {
  if (method?.startsWith('client_secret_')) throw invalid('a shared secret as token_endpoint_auth_method')
  const named = method === undefined ? choices : [method, ...choices]
  if (named.length === 0) return ['none']
  const signs = jwks !== undefined || jwksUri !== undefined
  const usable = METHODS.filter((known) => named.includes(known) && (known === 'none' || signs))
  if (usable.length === 0) throw invalid('no usable token_endpoint_auth_method')
  return usable
}

/** The members of a key that only its owner may know. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** @see [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2) for why there is one or the other */
function readKeys({ jwks, jwksUri }: ClientKeys, policy: DocumentPolicy): ClientKeys {
  if (jwks && jwksUri !== undefined) throw invalid('both jwks and jwks_uri')
  if (!areKeysPublic(jwks)) throw invalid('a private key in jwks')
  const problem = jwksUri === undefined ? undefined : documentUrlProblem(jwksUri, policy)
  if (problem !== undefined) throw invalid(`jwks_uri ${problem}`)
  return { ...(jwks && { jwks: { keys: jwks.keys } }), ...(jwksUri !== undefined && { jwksUri }) }
}

/** Whether a set of keys tells nothing that only their owner may know. */
export const areKeysPublic = (jwks: ClientKeys['jwks']): boolean =>
  !jwks?.keys.some((key) => key.kty === 'oct' || PRIVATE.some((member) => member in key))
