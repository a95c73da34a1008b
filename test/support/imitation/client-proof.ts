import { createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { AuthKind, Seen } from './profile.ts'

/** The application that is registered at the imitation. */
export interface RegisteredClient {
  readonly id: string
  readonly secret: string
  readonly redirectUri: string
  /** For `es256`: the public half of the key, and what the statement has to say. */
  readonly es256?: {
    readonly key: string
    readonly kid: string
    readonly issuer: string
    readonly audience: string
  }
}

const formDecode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))

/** Returns the reason to refuse a client. Two methods in one request are refused too (RFC 6749 §2.3). */
export async function refuseClient(
  kind: AuthKind,
  client: RegisteredClient,
  { headers }: Seen,
  body: URLSearchParams,
): Promise<string | undefined> {
  const basic = /^Basic (.+)$/.exec(headers.get('authorization') ?? '')?.[1]
  const posted = body.get('client_secret')
  if (kind === 'none') return basic === undefined && posted === null ? undefined : 'unexpected credentials'
  if (kind.startsWith('basic')) {
    if (basic === undefined) return 'no Basic'
    if (posted !== null) return 'a secret in the body too'
    const text = Buffer.from(basic, 'base64').toString()
    const [id = '', secret = ''] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
    const asIs = id === client.id && secret === client.secret
    if (kind === 'basic-raw') return asIs ? undefined : 'a wrong Basic'
    const decoded = formDecode(id) === client.id && formDecode(secret) === client.secret
    return decoded && (kind === 'basic' || asIs) ? undefined : 'a wrong Basic'
  }
  if (kind === 'key-as-user') {
    const expected = Buffer.from(`${client.secret}:`).toString('base64')
    return basic === expected && posted === null ? undefined : 'a wrong key'
  }
  if (headers.has('authorization')) return 'an Authorization header'
  if (body.get('client_id') !== client.id) return 'a wrong client_id'
  if (kind === 'post') return posted === client.secret ? undefined : 'a wrong client_secret'
  const expected = client.es256!
  return jwtVerify(posted ?? '', createPublicKey(expected.key), {
    algorithms: ['ES256'],
    issuer: expected.issuer,
    subject: client.id,
    audience: expected.audience,
    requiredClaims: ['exp', 'iat'],
  }).then(
    ({ protectedHeader }) => (protectedHeader.kid === expected.kid ? undefined : 'a wrong kid'),
    (error: Error) => `a client secret that is no statement: ${error.message}`,
  )
}
