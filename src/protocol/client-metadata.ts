import * as v from 'valibot'
import { OAuthError } from '../errors.ts'
import { isRegistrable, type RedirectPolicy } from './redirect-uri.ts'

/** How a client shows who it is at the token endpoint. */
export type AuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/** Those that a client may register; keys come with a document or from the operator. */
export const AUTH_METHODS: readonly AuthMethod[] = ['none', 'client_secret_basic', 'client_secret_post']

/** What a client may sign assertions with. */
export const SIGNING_ALGORITHMS: readonly string[] = ['RS256', 'ES256', 'EdDSA']

/** What is kept of a registration. */
export interface ClientMetadata {
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly authMethod: AuthMethod
  /** Whether the `refresh_token` grant is registered. */
  readonly refreshes: boolean
  readonly scope: string | undefined
}

const MAX_REDIRECT_URIS = 10

/** Invisible and direction-changing characters, with which a name could pass for another. */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu

const absent = <S extends v.GenericSchema>(schema: S) => v.nullish(schema)
const words = v.pipe(v.array(v.pipe(v.string(), v.maxLength(100))), v.maxLength(20))
const webUrl = v.pipe(
  v.string(),
  v.maxLength(2048),
  v.check((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)),
)

const Registration = v.looseObject({
  client_name: absent(v.pipe(v.string(), v.maxLength(200))),
  token_endpoint_auth_method: absent(v.pipe(v.string(), v.maxLength(100))),
  grant_types: absent(words),
  response_types: absent(words),
  scope: absent(v.pipe(v.string(), v.maxLength(1000), v.regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/))),
  jwks: absent(v.looseObject({})),
  jwks_uri: absent(webUrl),
})

const URL_MEMBERS = /^(client_uri|logo_uri|tos_uri|policy_uri)(#.*)?$/

const invalidMetadata = (detail: string) =>
  new OAuthError('invalid_client_metadata', 'The client metadata is invalid', {
    reason: 'bad-client-metadata',
    detail,
  })

const invalidRedirect = (detail: string) =>
  new OAuthError('invalid_redirect_uri', 'A redirect URI is missing or not allowed', {
    reason: 'bad-redirect-uri',
    detail,
  })

/**
 * Judges a registration request. Unknown members are ignored. An authentication method that is not offered
 * becomes `none`, as RFC 7591 §3.2.1 allows: clients read the answer, and refusing loses them.
 *
 * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`.
 * @see [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2)
 */
export function readClientMetadata(body: unknown, policy: RedirectPolicy): ClientMetadata {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalidMetadata('not an object')
  const redirectUris = readRedirectUris((body as Record<string, unknown>).redirect_uris, policy)
  const result = v.safeParse(Registration, body, { abortEarly: true })
  if (!result.success) throw invalidMetadata(`bad ${v.getDotPath(result.issues[0]) ?? 'body'}`)
  const fields = result.output
  for (const [name, value] of Object.entries(fields)) {
    if (!URL_MEMBERS.test(name) || value === null || value === '') continue
    if (!v.is(webUrl, value)) throw invalidMetadata(`bad ${name.split('#', 1)[0]}`)
  }
  if (fields.jwks && fields.jwks_uri) throw invalidMetadata('both jwks and jwks_uri')
  const grants = fields.grant_types ?? ['authorization_code']
  const responses = fields.response_types ?? ['code']
  if (!grants.includes('authorization_code') || !responses.includes('code')) {
    throw invalidMetadata('no usable grant and response type')
  }
  const method = fields.token_endpoint_auth_method ?? 'client_secret_basic'
  return {
    name: readName(fields.client_name),
    redirectUris,
    authMethod: AUTH_METHODS.find((known) => known === method) ?? 'none',
    refreshes: grants.includes('refresh_token'),
    scope: fields.scope || undefined,
  }
}

/**
 * Safe redirect URIs, each once.
 *
 * @throws {OAuthError} `invalid_redirect_uri`
 */
export function readRedirectUris(
  value: unknown,
  policy: RedirectPolicy,
  limit: number = MAX_REDIRECT_URIS,
): string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidRedirect('no redirect_uris')
  if (value.length > limit) throw invalidRedirect(`more than ${limit} redirect_uris`)
  for (const [index, uri] of value.entries()) {
    if (typeof uri !== 'string' || !isRegistrable(uri, policy))
      throw invalidRedirect(`bad redirect_uris.${index}`)
  }
  return [...new Set(value as string[])]
}

/** A name that is safe to show: without deceptive characters, in composed form, at most 100 characters. */
export function readName(name: string | null | undefined): string | undefined {
  const clean = name?.replace(DECEPTIVE, '').normalize('NFC').replace(/\s+/g, ' ').trim() ?? ''
  return [...clean].slice(0, 100).join('').trim() || undefined
}
