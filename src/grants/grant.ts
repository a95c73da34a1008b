import { equal } from '../crypto/compare.ts'
import { OAuthError } from '../errors.ts'
import type { AuthMethod } from '../protocol/client-metadata.ts'
import { isVerifier, provesPossession } from '../protocol/pkce.ts'
import { assertResource } from '../protocol/resource.ts'
import { narrowScope, parseScope } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { seconds } from '../timing.ts'

/**
 * What one user approved for one client: the only record there is, from the code to the last refresh.
 * Stored under `grant:<user>:<id>`; times are seconds since the epoch.
 */
export interface Grant {
  readonly format: 1
  /** The client's short key and the name it showed. */
  readonly client: string
  readonly clientName: string
  /** How a client with a metadata document may prove itself, as it was when the user approved. */
  readonly clientAuth?: readonly AuthMethod[]
  readonly resource: string
  readonly scope: readonly string[]
  /** Whether refresh tokens are issued. */
  readonly refreshes: boolean
  readonly createdAt: number
  /** When the record ends, whatever the storage thinks of its time to live. */
  readonly expiresAt: number
  /** When it ends at the latest, however often it is refreshed. */
  readonly endsAt?: number
  readonly code: {
    /** Digest of the code's secret part. */
    readonly hash: string
    readonly challenge: string
    /** Present until the code is used. */
    readonly redirectUri?: string
  }
  /** Number of the refresh token issued last; 0 until the code is exchanged. */
  readonly generation: number
  readonly rotatedAt: number
  /** Raised to end every access token issued so far while the grant lives on. */
  readonly epoch: number
  /** The id of the provider it was made with; absent in old records, made when there was one. */
  readonly provider?: string
  /** Whether a client got it for itself: there is no user, and no provider. */
  readonly ownClient?: true
  /** The identity, sealed for this record's key. */
  readonly identity: string
  /** The provider's tokens, sealed for this record's key. */
  readonly upstream: string
  /** While some instance refreshes the provider's tokens: until when the others wait for it. */
  readonly leasedUntil?: number
  /**
   * When the provider was first asked for other tokens without its answer having been kept. Written before it is asked:
   * where it stays, an answer was lost, and the refresh token may have been used.
   */
  readonly askedAt?: number
}

/** What to do with a record: leave it, write it, or end the grant. A refusal that changes nothing is thrown. */
export type Decision<T> =
  | { readonly type: 'keep'; readonly result: T }
  | { readonly type: 'write'; readonly grant: Grant; readonly result: T }
  | { readonly type: 'end'; readonly reason: ReasonCode; readonly error?: OAuthError }

/** Lifetimes in seconds, and the scopes that exist. */
export interface GrantRules {
  readonly accessTokenTtl: number
  readonly refreshTtl: number
  readonly refreshGrace: number
  /** The scopes of this server. */
  readonly scopes: readonly string[]
}

/** What a token response is made of. */
export interface Issue {
  readonly grant: Grant
  readonly scope: readonly string[]
}

const invalidGrant = (reason: ReasonCode) =>
  new OAuthError('invalid_grant', 'The grant is invalid, expired or was issued to another client', { reason })

const end = (reason: ReasonCode): Decision<never> => ({ type: 'end', reason, error: invalidGrant(reason) })

/** What a client sends to redeem a code. */
export interface Redemption {
  readonly client: string
  readonly secretHash: string
  readonly verifier: string
  readonly redirectUri: string | undefined
  /** Ids of the resources that the request names. */
  readonly resources: readonly string[]
}

/**
 * The code is exchanged, once. A wrong client, verifier, redirect URI or resource leaves it usable by its
 * owner. A second redemption that is right in everything gets nothing; more than a moment after the first it means
 * that the code leaked, and ends the grant.
 *
 * @throws {OAuthError} `invalid_grant`, `invalid_request` or `invalid_target`.
 * @see [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3)
 */
export function redeem(grant: Grant, use: Redemption, now: number, rules: GrantRules): Decision<Issue> {
  const { code } = grant
  if (!equal(code.hash, use.secretHash)) throw invalidGrant('unknown-code')
  if (grant.client !== use.client) throw invalidGrant('foreign-code')
  if (!isVerifier(use.verifier)) throw invalidGrant('pkce-malformed')
  if (!provesPossession(use.verifier, code.challenge)) throw invalidGrant('wrong-code-verifier')
  if (grant.generation > 0) {
    // Clients post twice at once, over several processes: that is refused like a replay, but is none.
    const twiceAtOnce = grant.generation === 1 && now - grant.rotatedAt < seconds.codeRepeated
    if (twiceAtOnce) throw invalidGrant('code-used-twice-at-once')
    return end('code-replayed')
  }
  if (use.redirectUri !== undefined && use.redirectUri !== code.redirectUri) {
    throw invalidGrant('redirect-uri-differs')
  }
  assertResource(use.resources, grant.resource)
  const next: Grant = {
    ...grant,
    code: { hash: code.hash, challenge: code.challenge },
    generation: 1,
    rotatedAt: now,
    expiresAt: expiry(grant, now, rules),
  }
  return { type: 'write', grant: next, result: { grant: next, scope: grant.scope } }
}

/** What a client sends to refresh. */
export interface Refresh {
  readonly client: string
  /** The number in the refresh token, whose authenticity is already proven. */
  readonly generation: number
  /** Ids of the resources that the request names. */
  readonly resources: readonly string[]
  readonly scope: string | undefined
}

/**
 * The refresh token is rotated. Its successor is derived from the grant and a number, so a client that lost
 * the answer, or raced itself, gets the same successor again: while that one is unused and `refreshGrace`
 * has not passed. Any older token is a stolen one, and ends the grant.
 *
 * @throws {OAuthError} `invalid_grant`, `invalid_target` or `invalid_scope`.
 * @see [OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)
 */
export function refresh(grant: Grant, use: Refresh, now: number, rules: GrantRules): Decision<Issue> {
  if (grant.client !== use.client) throw invalidGrant('foreign-refresh-token')
  if (!grant.refreshes || use.generation < 1) throw invalidGrant('no-refresh-token')
  assertResource(use.resources, grant.resource)
  const scope = narrowScope(grant.scope, parseScope(use.scope), rules.scopes)
  if (use.generation >= grant.generation) {
    // Ahead of the record: it was issued, so an eventually consistent store answered with an older one.
    const next: Grant = {
      ...grant,
      generation: use.generation + 1,
      rotatedAt: now,
      expiresAt: expiry(grant, now, rules),
    }
    return { type: 'write', grant: next, result: { grant: next, scope } }
  }
  const repeats = use.generation === grant.generation - 1 && rules.refreshGrace > 0
  if (repeats && now - grant.rotatedAt <= rules.refreshGrace) {
    return { type: 'keep', result: { grant, scope } }
  }
  return end('refresh-token-reused')
}

/** Ends every access token issued so far; the refresh token stays good. */
export const revokeAccess = (grant: Grant): Decision<undefined> => ({
  type: 'write',
  grant: { ...grant, epoch: grant.epoch + 1 },
  result: undefined,
})

function expiry(grant: Grant, now: number, rules: GrantRules): number {
  const idle = now + (grant.refreshes ? rules.refreshTtl : rules.accessTokenTtl)
  return Math.min(idle, grant.endsAt ?? idle)
}
