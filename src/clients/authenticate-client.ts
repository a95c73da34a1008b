import { decodeJwt } from 'jose/jwt/decode'
import { equal } from '../crypto/compare.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import { trimBlanks } from '../http/blanks.ts'
import type { AuthMethod } from '../protocol/client-metadata.ts'
import { invalidClient, multipleAuthMethods } from '../refusals.ts'
import type { Client } from './client.ts'

/** @see [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2) */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The identity that a client claims in a request, with its proof. */
export interface ClientCredentials {
  readonly id: string
  readonly method: AuthMethod
  readonly assertion?: string
  /** The secret as sent and form-decoded, because the standard requires encoding and many clients send the raw text. */
  readonly secrets: readonly string[]
}

/** A client that has proven its identity for one request. */
export interface ProvenClient {
  readonly client: Client
  /**
   * Makes the proof unusable for another request, if it must be used once only. Call it when all checks have passed, just
   * before the request has its effect: a request without one writes nothing.
   *
   * @throws {OAuthError} `invalid_client` if the proof was used before.
   */
  spend(): Promise<void>
}

const nothingToSpend = async (): Promise<void> => {}

/**
 * Reads the credentials of a request to the token or revocation endpoint. They prove nothing yet.
 *
 * @throws {OAuthError} `invalid_client` if there are none, `invalid_request` if the request uses more than one method.
 * @see [OAuth 2.1 §2.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4.1)
 */
export const readCredentials = (
  authorization: string | null,
  fields: Readonly<Record<string, string>>,
): ClientCredentials => readBasic(authorization, fields) ?? readBody(fields)

/**
 * Returns the client if its credentials prove its identity by a method that it registered.
 *
 * @param client The client with the claimed id, if there is one.
 * @param verify Throws if the client did not sign an assertion, or not recently. Returns the function that spends it.
 * @throws {OAuthError} `invalid_client`
 */
export async function authenticateClient(
  credentials: ClientCredentials,
  client: Client | undefined,
  verify: (assertion: string, client: Client) => Promise<ProvenClient['spend']>,
): Promise<ProvenClient> {
  const { method, assertion = '', secrets } = credentials
  if (!client) throw invalidClient('unknown-client')
  if (!client.authMethods.includes(method)) throw invalidClient('wrong-auth-method', method)
  if (method === 'private_key_jwt') {
    return { client, spend: await verify(assertion, client) }
  }
  // Every comparison is made, so that the duration reveals nothing.
  const matches = secrets.map((text) => [
    ...client.secrets.map((secret) => equal(text, secret)),
    ...(client.secretHashes ?? []).map((hash) => equal(digest(text), hash)),
  ])
  if (method !== 'none' && !matches.flat().includes(true)) throw invalidClient('wrong-client-secret')
  return { client, spend: nothingToSpend }
}

function readBasic(
  authorization: string | null,
  fields: Readonly<Record<string, string>>,
): ClientCredentials | undefined {
  const match = /^basic +(.*)$/is.exec(authorization ?? '')
  if (!match) return undefined
  if (
    [fields.client_secret, fields.client_assertion, fields.client_assertion_type].some(
      (one) => one !== undefined,
    )
  ) {
    throw multipleAuthMethods()
  }
  const [, text = ''] = match
  // Workers leave the blanks after a value in place. Before it only spaces may stand.
  const pair = text.startsWith('\t') ? undefined : decodeBasic(trimBlanks(text))
  const colon = pair?.indexOf(':') ?? -1
  if (pair === undefined || colon < 1) throw invalidClient('malformed-credentials', 'Basic')
  const [id, secret] = [pair.slice(0, colon), pair.slice(colon + 1)]
  const decodedId = formDecode(id)
  if (fields.client_id !== undefined && fields.client_id !== id && fields.client_id !== decodedId) {
    throw new OAuthError('invalid_request', 'The client_id differs from the one in the credentials', {
      reason: 'client-id-mismatch',
    })
  }
  const secrets = [secret, formDecode(secret)].filter((text) => text !== undefined)
  return { id: fields.client_id ?? decodedId ?? id, method: 'client_secret_basic', secrets }
}

function readBody(fields: Readonly<Record<string, string>>): ClientCredentials {
  const { client_id: id, client_secret: secret, client_assertion: assertion } = fields
  if (assertion !== undefined || fields.client_assertion_type !== undefined) {
    if (secret !== undefined) throw multipleAuthMethods()
    if (assertion === undefined || fields.client_assertion_type !== JWT_BEARER) {
      throw invalidClient('malformed-credentials', 'client_assertion_type')
    }
    return { id: id ?? readSubject(assertion), method: 'private_key_jwt', secrets: [], assertion }
  }
  if (id === undefined) throw invalidClient('missing-client-id')
  return secret === undefined
    ? { id, method: 'none', secrets: [] }
    : { id, method: 'client_secret_post', secrets: [secret] }
}

/** Returns the subject that an assertion claims. It is verified later. */
function readSubject(assertion: string): string {
  try {
    return decodeJwt(assertion).sub ?? ''
  } catch {
    throw invalidClient('malformed-credentials', 'client_assertion')
  }
}

function decodeBasic(text: string): string | undefined {
  // The decoder skips blanks, and a credential has none (RFC 7617 §2).
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(text)) return undefined
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
