import { sha256 } from '@noble/hashes/sha2.js'
import { toBase64url } from '../../crypto/base64url.ts'
import { areKeysPublic, readKeySet } from '../../protocol/key-set.ts'

/** The private key that proves the application to the provider (RFC 7523 §2.2). */
export interface ClientKey {
  /** PEM of PKCS #8, where `\n` may stand for a line break, or a JWK. It never leaves the process. */
  readonly privateKey: string | Readonly<Record<string, unknown>>
  /** The certificate of the key, as PEM. The assertion then names its SHA-256 thumbprint (`x5t#S256`), as Entra demands. */
  readonly certificate?: string | undefined
  /** The id of the key at the provider (`kid`). By default that of the JWK. */
  readonly keyId?: string | undefined
  /**
   * Public keys, as JWKs, that `/upstream-jwks` serves beside this one: the next key before it signs, and the former one for
   * a day after. For providers that read the keys of the application from an address.
   */
  readonly alsoPublished?: readonly Readonly<Record<string, unknown>>[] | undefined
  /** By default that of the JWK, `PS256` with a certificate, else the first of RS256, ES256, ES384 and EdDSA that fits. */
  readonly alg?: KeyAlg | undefined
  /** The audience, instead of the one that the provider's definition knows. */
  readonly audience?: string | undefined
}

export type KeyAlg = (typeof KEY_ALGS)[number]

export const KEY_ALGS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const

/**
 * The proof of the application without a secret: a private key, or a function that returns the token of another issuer.
 * The provider trusts that issuer, such as a Kubernetes cluster. The function is called for each request.
 *
 * @see [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)
 */
export type ClientAssertion = ClientKey | (() => string | Promise<string>)

/** Reports what is wrong with the options by which an application proves itself without a secret. */
export function checkAssertion(
  options: Readonly<Record<string, unknown>>,
  secret: 'required' | 'optional' | 'none',
  report: (path: string, message: string) => void,
): void {
  const { clientAssertion: given, clientSecret, pushedRequests } = options
  if (pushedRequests !== undefined && typeof pushedRequests !== 'boolean')
    report('pushedRequests', 'expected true or false')
  if (given === undefined) return
  const wrong = wrongAssertion(given)
  if (wrong) report(['clientAssertion', wrong[0]].filter(Boolean).join('.'), wrong[1])
  else if (secret !== 'optional')
    report('clientAssertion', 'is not for this provider, which knows only its own method')
  else if (clientSecret !== undefined)
    report('clientAssertion', 'takes the place of `clientSecret`: set one of the two')
}

/** Returns what is wrong with the option, by the name of the member, or `undefined`. */
function wrongAssertion(value: unknown): readonly [member: string, message: string] | undefined {
  if (typeof value === 'function') return undefined
  if (typeof value !== 'object' || value === null) {
    return ['', 'expected { privateKey, … }, or a function that returns an assertion']
  }
  const { privateKey, certificate, keyId, alsoPublished, alg, audience, ...rest } =
    value as Partial<ClientKey>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) return [unknown, 'is not an option']
  if (typeof privateKey === 'string') {
    if (!/^-----BEGIN PRIVATE KEY-----/.test(lines(privateKey)))
      return [
        'privateKey',
        'expected a private key in PEM form, PKCS #8: openssl pkcs8 -topk8 -nocrypt makes it',
      ]
  } else if (typeof privateKey !== 'object' || !privateKey?.d) {
    return ['privateKey', 'expected a private key, as PEM or as JWK']
  }
  if (certificate !== undefined && (typeof certificate !== 'string' || !thumbprintOf(certificate)))
    return ['certificate', 'expected a certificate in PEM form']
  if (keyId !== undefined && (typeof keyId !== 'string' || keyId === '')) return ['keyId', 'expected text']
  if (alsoPublished !== undefined && !arePublicKeys(alsoPublished))
    return ['alsoPublished', 'expected a list of public keys, as JWKs']
  if (alg !== undefined && !KEY_ALGS.includes(alg)) return ['alg', `expected one of ${KEY_ALGS.join(', ')}`]
  if (audience !== undefined && (typeof audience !== 'string' || audience === ''))
    return ['audience', 'expected text']
  return undefined
}

const arePublicKeys = (value: unknown): boolean => {
  const set = readKeySet({ keys: value })
  return set !== undefined && areKeysPublic(set) && set.keys.every((key) => 'kty' in key)
}

/** Puts the line breaks back that `\n` stands for. */
export const lines = (pem: string): string => pem.trim().replaceAll('\\n', '\n')

/** Returns the SHA-256 of a certificate as base64url, or `undefined` if the text is none (RFC 7515 §4.1.8). */
export function thumbprintOf(certificate: string): string | undefined {
  const [, body] =
    /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/.exec(lines(certificate)) ?? []
  if (body === undefined) return undefined
  try {
    const der = Uint8Array.from(atob(body.replace(/\s/g, '')), (char) => char.charCodeAt(0))
    return der[0] === 0x30 ? toBase64url(sha256(der)) : undefined
  } catch {
    return undefined
  }
}
