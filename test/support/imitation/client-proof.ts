import { createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { AuthKind, Seen } from './profile.ts'

/** The application as it is registered at the imitation. */
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

/** Why this is not the client, or nothing. Two proofs in one request are one too many. */
export async function refuseClient(
  kind: AuthKind,
  client: RegisteredClient,
  { headers }: Seen,
  body: URLSearchParams,
): Promise<string | undefined> {
  const basic = /^Basic (.+)$/.exec(headers.get('authorization') ?? '')?.[1]
  const posted = body.get('client_secret')
  if (kind === 'none') return basic === undefined && posted === null ? undefined : 'a proof nobody asked for'
  if (kind === 'basic' || kind === 'basic-raw') {
    if (basic === undefined) return 'no Basic'
    if (posted !== null) return 'a secret in the body too'
    const text = Buffer.from(basic, 'base64').toString()
    const [id = '', secret = ''] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
    const read = kind === 'basic' ? formDecode : (value: string) => value
    return read(id) === client.id && read(secret) === client.secret ? undefined : 'a wrong Basic'
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
