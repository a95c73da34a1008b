import { EncryptJWT, jwtDecrypt } from 'jose'
import { isCanonical } from '../crypto/base64url.ts'
import type { Keyring, KeySet } from '../crypto/keyring.ts'
import { randomId } from '../crypto/random.ts'
import { formatGrantKey, type GrantKey, parseGrantKey } from './grant-key.ts'

/** What an access token says. Times are seconds since the epoch. */
export interface AccessClaims {
  readonly key: GrantKey
  readonly epoch: number
  /** The client's short key. */
  readonly client: string
  readonly resource: string
  readonly scope: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Issues and opens access tokens. Only this server reads them, so they are sealed, not signed. */
export interface AccessTokens {
  issue(claims: AccessClaims): Promise<string>
  /** What a token says, or `undefined` for anything not issued here or expired at `now`. */
  open(token: string, now: number): Promise<AccessClaims | undefined>
}

const SPELLING = /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/

const TYPE = 'at+jwt'
const ALGORITHM = { alg: 'dir', enc: 'A256GCM' } as const

/**
 * JWE (`dir`, A256GCM) around the claims of RFC 9068, with the grant's name, so that the guard needs no record.
 *
 * @see [RFC 7516](https://www.rfc-editor.org/rfc/rfc7516)
 */
export function createAccessTokens(keyring: Keyring, issuer: string): AccessTokens {
  const imported = new Map<string, Promise<CryptoKey>>()
  const importKey = (keys: KeySet): Promise<CryptoKey> => {
    let key = imported.get(keys.id)
    if (!key) {
      const raw = keys.key('access-token') as Uint8Array<ArrayBuffer>
      key = crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
      imported.set(keys.id, key)
    }
    return key
  }
  return {
    async issue({ key, epoch, client, resource, scope, issuedAt, expiresAt }) {
      const keys = keyring.current
      return new EncryptJWT({ gid: formatGrantKey(key), epoch, client_id: client, scope: scope.join(' ') })
        .setProtectedHeader({ ...ALGORITHM, kid: keys.id, typ: TYPE })
        .setIssuer(issuer)
        .setSubject(key.user)
        .setAudience(resource)
        .setJti(randomId())
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .encrypt(await importKey(keys))
    },
    async open(token, now) {
      // One token has one spelling, or it would take several places in every cache.
      if (!SPELLING.test(token) || !token.split('.').every(isCanonical)) return undefined
      try {
        const { payload } = await jwtDecrypt(
          token,
          ({ kid }) => {
            const keys = keyring.byId(kid ?? '')
            if (!keys) throw new TypeError('unknown key')
            return importKey(keys)
          },
          {
            issuer,
            typ: TYPE,
            currentDate: new Date(now * 1000),
            keyManagementAlgorithms: [ALGORITHM.alg],
            contentEncryptionAlgorithms: [ALGORITHM.enc],
            requiredClaims: ['aud', 'exp', 'iat', 'gid', 'epoch', 'client_id', 'scope'],
          },
        )
        const key = parseGrantKey(String(payload.gid))
        if (!key || typeof payload.aud !== 'string') return undefined
        return {
          key,
          epoch: Number(payload.epoch),
          client: String(payload.client_id),
          resource: payload.aud,
          scope: String(payload.scope).split(' ').filter(Boolean),
          issuedAt: payload.iat!,
          expiresAt: payload.exp!,
        }
      } catch {
        return undefined
      }
    },
  }
}
