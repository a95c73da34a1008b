import type { JWK, JWTPayload } from 'jose'
import { CompactSign } from 'jose/jws/compact/sign'
import { compactVerify } from 'jose/jws/compact/verify'
import { decodeJwt } from 'jose/jwt/decode'
import { isCanonical, toBase64url } from '../crypto/base64url.ts'
import type { Signature, SigningKey } from '../crypto/signing-key.ts'
import type { KeySource } from './key-source.ts'

/** The value of `typ`. Each kind of token has its own, so that none is taken for another (RFC 8725 §3.11). */
export type TokenType = 'at+jwt' | 'lockgate-identity+jwt'

/** Signs claims, and verifies what was signed here. */
export interface Signer {
  sign(alg: Signature, typ: TokenType, claims: JWTPayload): Promise<string>
  /** Returns whether a text claims to be a signed token of this issuer. It proves nothing, and waits for nothing. */
  claimsToBeOwn(token: string): boolean
  /**
   * Returns the claims of a token of this issuer with this `typ`. Its header must be the very text that this server writes:
   * no other algorithm, key or member of the header is ever looked at.
   *
   * @returns `undefined` for anything else. The times are not judged.
   */
  verify(token: string, typ: TokenType): Promise<JWTPayload | undefined>
  /** Returns the public keys (RFC 7517). */
  published(): Promise<{ readonly keys: readonly JWK[] }>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

const headerOf = ({ alg, kid }: SigningKey, typ: TokenType) => ({ alg, kid, typ })

/** Returns the first part of every token that a key signs. */
const encodedHeader = (key: SigningKey, typ: TokenType): string =>
  toBase64url(encoder.encode(JSON.stringify(headerOf(key, typ))))

export function createSigner(keys: KeySource, issuer: string): Signer {
  async function keyOf(header: string, typ: TokenType): Promise<SigningKey | undefined> {
    const fits = (key: SigningKey) => encodedHeader(key, typ) === header
    return (await keys.all()).find(fits) ?? (await keys.newest()).find(fits)
  }

  function claimsToBeOwn(token: string): boolean {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false
    try {
      return decodeJwt(token).iss === issuer
    } catch {
      return false
    }
  }

  return {
    async sign(alg, typ, claims) {
      const key = await keys.current(alg)
      return new CompactSign(encoder.encode(JSON.stringify(claims)))
        .setProtectedHeader(headerOf(key, typ))
        .sign(key.privateKey!)
    },
    claimsToBeOwn,
    async verify(token, typ) {
      // One token has one spelling: decoders ignore spare bits of the last character of a part.
      if (!claimsToBeOwn(token) || !token.split('.').every(isCanonical)) return undefined
      const key = await keyOf(token.slice(0, token.indexOf('.')), typ)
      if (!key) return undefined
      try {
        const { payload } = await compactVerify(token, key.publicKey, { algorithms: [key.alg] })
        return JSON.parse(decoder.decode(payload)) as JWTPayload
      } catch {
        return undefined
      }
    },
    async published() {
      return { keys: (await keys.all()).map(({ published }) => published) }
    },
  }
}
