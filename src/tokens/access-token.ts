import type { Sealer } from '../crypto/seal.ts'
import { formatGrantKey, type GrantKey, parseGrantKey } from '../grants/grant-key.ts'

/** The claims of an access token. Times are seconds since the epoch. */
export interface AccessClaims {
  readonly key: GrantKey
  readonly epoch: number
  /** The short key of the client. */
  readonly client: string
  readonly resource: string
  readonly scope: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Issues and opens access tokens. Only this server reads them, so they are sealed, not signed. */
export interface AccessTokens {
  issue(claims: AccessClaims): string
  /** Returns the claims of a token, or `undefined` if it was not issued here or has expired at `now`. */
  open(token: string, now: number): AccessClaims | undefined
  /** Returns whether a text names a key of this server, as each of its tokens does. It proves nothing. */
  isShaped(text: string): boolean
}

/** The claims of RFC 9068 §2.2 under their own names, with the grant's name and its epoch. */
interface Sealed {
  readonly gid: string
  readonly epoch: number
  readonly client_id: string
  readonly aud: string
  readonly scope: string
  readonly iat: number
  readonly exp: number
}

const TEXTS = ['gid', 'client_id', 'aud', 'scope'] as const
const NUMBERS = ['epoch', 'iat', 'exp'] as const

const isWhole = (value: Partial<Sealed> | null | undefined): value is Sealed =>
  typeof value === 'object' &&
  value !== null &&
  TEXTS.every((name) => typeof value[name] === 'string') &&
  NUMBERS.every((name) => Number.isFinite(value[name]))

/**
 * Seals the claims for this issuer, so that the guard needs no record. Opening is synchronous: a JWE by WebCrypto takes
 * several hops to a thread pool, and any caller can make the guard open a token.
 *
 * @see [RFC 6749 §1.4](https://www.rfc-editor.org/rfc/rfc6749#section-1.4)
 */
export function createAccessTokens(sealer: Sealer, issuer: string): AccessTokens {
  return {
    isShaped: (text) => sealer.knows(text),
    issue({ key, epoch, client, resource, scope, issuedAt, expiresAt }) {
      const claims: Sealed = {
        gid: formatGrantKey(key),
        epoch,
        client_id: client,
        aud: resource,
        scope: scope.join(' '),
        iat: issuedAt,
        exp: expiresAt,
      }
      return sealer.seal('access-token', issuer, claims)
    },
    open(token, now) {
      const claims = sealer.open('access-token', issuer, token) as Partial<Sealed> | null | undefined
      if (!isWhole(claims) || claims.exp <= now) return undefined
      const key = parseGrantKey(claims.gid)
      return (
        key && {
          key,
          epoch: claims.epoch,
          client: claims.client_id,
          resource: claims.aud,
          scope: claims.scope.split(' ').filter(Boolean),
          issuedAt: claims.iat,
          expiresAt: claims.exp,
        }
      )
    },
  }
}
