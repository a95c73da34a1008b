import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type DocumentAnswer, type DocumentServer, startDocumentServer } from './document-server.ts'

/** A key of an issuer, with the half that it publishes. */
export interface IssuerKey {
  readonly alg: string
  readonly kid: string
  readonly private: CryptoKey
  readonly public: JWK
}

export async function newIssuerKey(kid: string, alg = 'RS256'): Promise<IssuerKey> {
  const pair = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, private: pair.privateKey, public: { ...(await exportJWK(pair.publicKey)), kid, alg } }
}

/** An identity provider of a company, or a platform, that signs assertions: real discovery and keys over HTTP. */
export interface AssertionIssuer {
  readonly issuer: string
  readonly server: DocumentServer
  /** The key that signs. */
  key: IssuerKey
  /** The requests for its documents. */
  readonly asked: string[]
  /** Publishes these keys, with headers. */
  publish(keys: readonly JWK[], headers?: Record<string, string>): void
  /** Answers requests for the keys by hand. */
  answerKeys(answer: DocumentAnswer): void
  /** Publishes another discovery document, or none. */
  discover(document: object | undefined): void
  /** Signs claims as they are. @param header Further members of the header. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>, key?: IssuerKey): Promise<string>
  close(): Promise<void>
}

const KEYS = '/tenant/keys'
const DISCOVERY = '/tenant/.well-known/openid-configuration'

export async function startAssertionIssuer(alg = 'RS256'): Promise<AssertionIssuer> {
  const server = await startDocumentServer()
  const issuer = `${server.origin}/tenant`
  const first = await newIssuerKey('first', alg)
  const self: AssertionIssuer = {
    issuer,
    server,
    key: first,
    asked: server.asked,
    publish: (keys, headers) => server.put(KEYS, { keys }, headers),
    answerKeys: (answer) => server.put(KEYS, answer),
    discover: (document) =>
      server.put(DISCOVERY, document ?? ((_request, response) => response.writeHead(404).end())),
    sign: (claims, header = {}, key = self.key) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header } as { alg: string })
        .sign(key.private),
    close: () => server.close(),
  }
  self.discover({ issuer, jwks_uri: server.origin + KEYS })
  self.publish([first.public])
  return self
}

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const ID_JAG = { typ: 'oauth-id-jag+jwt' }
