import { ageOf } from '../age.ts'
import { equal } from '../crypto/compare.ts'
import type { OAuthError } from '../errors.ts'
import type { AuthMethod } from '../protocol/client-metadata.ts'
import { isVerifier, provesPossession } from '../protocol/pkce.ts'
import { assertResource } from '../protocol/resource.ts'
import { narrowScope, parseScope, type ScopeTable } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { invalidGrant } from '../refusals.ts'
import { seconds } from '../timing.ts'

/** The authorization code of a sign-in, as its grant keeps it. */
export interface GrantCode {
  /** Digest of the code's secret part. */
  readonly hash: string
  readonly challenge: string
  /** Present until the code is redeemed. */
  readonly redirectUri?: string
}

/** The way in which a client obtained a grant. */
export type Origin =
  | {
      readonly type: 'sign-in'
      /** The id of the provider; absent in records from before several providers were possible. */
      readonly provider?: string
      readonly code: GrantCode
    }
  /** The client credentials grant: there is no user and no provider. */
  | { readonly type: 'client' }
  /** A signed assertion of a trusted issuer. */
  | {
      readonly type: 'assertion'
      readonly issuer: string
      /** A person by an ID-JAG, or a workload. Absent: a person. */
      readonly use?: 'id-jag' | 'workload'
      /** The rule that a workload matched. */
      readonly rule?: string
    }

/** The tokens that one provider issued for a grant. */
export interface Connection {
  /** {@link UpstreamTokens}, sealed for this record. */
  readonly sealed: string
  /** The end of the lease of the instance that refreshes the tokens, in seconds since the epoch. */
  readonly leasedUntil?: number
  /**
   * The time of the first refresh request without a saved response, in seconds since the epoch. It is written before the
   * request. If it remains, a response was lost, and the provider may have accepted the refresh token already.
   */
  readonly askedAt?: number
}

/**
 * One user's approval for one client: the only record there is, from the code to the last refresh. It is stored under
 * `grant:<user>:<id>`, see `record.ts`. Times are seconds since the epoch.
 */
export interface Grant {
  /** The client's short key and the name it showed. */
  readonly client: string
  readonly clientName: string
  /** The host or scheme that the code was sent to, for the user's list of apps. Absent in older records. */
  readonly target?: string
  /** The authentication methods of a client with a metadata document, as they were when the user approved. */
  readonly clientAuth?: readonly AuthMethod[]
  readonly resource: string
  /** The deployment that made the grant. Absent in older records. */
  readonly issuer?: string
  readonly scope: readonly string[]
  /** `true` if refresh tokens are issued. */
  readonly refreshes: boolean
  readonly createdAt: number
  /** The record's expiry, regardless of the storage's own time to live. */
  readonly expiresAt: number
  /** The latest possible expiry. A refresh does not move it. */
  readonly endsAt?: number
  readonly origin: Origin
  /** The number of the newest refresh token; 0 until the code is redeemed. */
  readonly generation: number
  readonly rotatedAt: number
  /** Access tokens with a lower number are revoked. */
  readonly epoch: number
  /** The user's {@link Identity}, sealed for this record. */
  readonly identity: string
  /** The time at which the provider last confirmed the identity. Absent: it did at the sign-in. */
  readonly identityAt?: number
  /** The provider's tokens by the provider's id. Empty if there are none. */
  readonly connections: Readonly<Record<string, Connection>>
}

/** The outcome of a rule: leave the record, write it, or end the grant. A refusal that changes nothing is thrown. */
export type Decision<T> =
  | { readonly type: 'keep'; readonly result: T }
  | { readonly type: 'write'; readonly grant: Grant; readonly result: T }
  | { readonly type: 'end'; readonly reason: ReasonCode; readonly error?: OAuthError }

/** Lifetimes in seconds, and the scopes that exist. */
export interface GrantRules {
  readonly accessTokenTtl: number
  readonly refreshTtl: number
  readonly refreshGrace: number
  readonly scopes: ScopeTable
}

/** The content of a token response. */
export interface Issue {
  readonly grant: Grant
  readonly scope: readonly string[]
}

const end = (reason: ReasonCode): Decision<never> => ({ type: 'end', reason, error: invalidGrant(reason) })

/** Returns whether a grant was made for a workload. */
export const isOfWorkload = ({ origin }: Pick<Grant, 'origin'>): boolean =>
  origin.type === 'assertion' && origin.use === 'workload'

/** Returns the kind of party that a grant was made for. */
export function kindOf(grant: Pick<Grant, 'origin'>): 'person' | 'client' | 'workload' {
  if (isOfWorkload(grant)) return 'workload'
  return grant.origin.type === 'client' ? 'client' : 'person'
}

/** Returns the id of the provider that the user signed in at. */
export const providerOf = ({ origin }: Pick<Grant, 'origin'>): string | undefined =>
  origin.type === 'sign-in' ? origin.provider : undefined

/** A client's request to redeem a code. */
export interface Redemption {
  readonly client: string
  readonly secretHash: string
  readonly verifier: string
  readonly redirectUri: string | undefined
  /** Ids of the resources that the request names. */
  readonly resources: readonly string[]
}

/**
 * Exchanges the code, once. A wrong client, verifier, redirect URI or resource leaves it usable by its owner. A second
 * correct redemption is refused. More than a moment after the first it means that the code leaked, and ends the grant.
 *
 * @throws {OAuthError} `invalid_grant`, `invalid_request` or `invalid_target`.
 * @see [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3)
 */
export function redeem(grant: Grant, use: Redemption, now: number, rules: GrantRules): Decision<Issue> {
  const { origin } = grant
  if (origin.type !== 'sign-in' || !equal(origin.code.hash, use.secretHash))
    throw invalidGrant('unknown-code')
  const { code } = origin
  if (grant.client !== use.client) throw invalidGrant('code-of-another-client')
  if (!isVerifier(use.verifier)) throw invalidGrant('pkce-malformed')
  if (!provesPossession(use.verifier, code.challenge)) throw invalidGrant('wrong-code-verifier')
  if (grant.generation > 0) {
    // Clients post twice at once, from several processes. That is refused like a replay, but it is no theft.
    const twiceAtOnce = grant.generation === 1 && ageOf(grant.rotatedAt, now) < seconds.codeRepeated
    if (twiceAtOnce) throw invalidGrant('code-used-twice-at-once')
    return end('code-replayed')
  }
  if (use.redirectUri !== undefined && use.redirectUri !== code.redirectUri) {
    throw invalidGrant('redirect-uri-mismatch')
  }
  assertResource(use.resources, grant.resource)
  const next: Grant = {
    ...grant,
    origin: { ...origin, code: { hash: code.hash, challenge: code.challenge } },
    generation: 1,
    rotatedAt: now,
    expiresAt: expiry(grant, now, rules),
  }
  return { type: 'write', grant: next, result: { grant: next, scope: grant.scope } }
}

/** A client's request to refresh. */
export interface Refresh {
  readonly client: string
  /** The number in the refresh token, whose authenticity is already proven. */
  readonly generation: number
  /** Ids of the resources that the request names. */
  readonly resources: readonly string[]
  readonly scope: string | undefined
}

/**
 * Returns `true` for a correct refresh that rotates the token. Ahead of the record it does too: the token was issued, so
 * an eventually consistent store returned an older record.
 */
export const rotates = (grant: Grant, { client, generation }: Refresh): boolean =>
  grant.client === client && grant.refreshes && generation >= Math.max(1, grant.generation)

/**
 * Rotates the refresh token. Its successor is derived from the grant and a number. A client that lost the response, or
 * raced itself, therefore gets the same successor again while that one is unused and `refreshGrace` has not passed. Any
 * older token is a stolen one, and ends the grant.
 *
 * @throws {OAuthError} `invalid_grant`, `invalid_target` or `invalid_scope`.
 * @see [OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)
 */
export function refresh(grant: Grant, use: Refresh, now: number, rules: GrantRules): Decision<Issue> {
  if (grant.client !== use.client) throw invalidGrant('refresh-token-of-another-client')
  if (!grant.refreshes || use.generation < 1) throw invalidGrant('refresh-token-not-issued')
  assertResource(use.resources, grant.resource)
  const scope = narrowScope(grant.scope, parseScope(use.scope), rules.scopes)
  if (rotates(grant, use)) {
    const next: Grant = {
      ...grant,
      generation: use.generation + 1,
      rotatedAt: now,
      expiresAt: expiry(grant, now, rules),
    }
    return { type: 'write', grant: next, result: { grant: next, scope } }
  }
  const repeats = use.generation === grant.generation - 1 && rules.refreshGrace > 0
  if (repeats && ageOf(grant.rotatedAt, now) <= rules.refreshGrace) {
    return { type: 'keep', result: { grant, scope } }
  }
  return end('refresh-token-reused')
}

/**
 * Returns the epoch that revokes every access token issued so far. It follows the clock, so that two places that have not
 * seen each other's revocation both revoke the tokens issued before.
 */
export const nextEpoch = ({ epoch }: Pick<Grant, 'epoch'>, now: number): number => Math.max(epoch + 1, now)

/** Revokes every access token issued so far. The refresh token stays valid. */
export const revokeAccess = (grant: Grant, now: number): Decision<undefined> => ({
  type: 'write',
  grant: { ...grant, epoch: nextEpoch(grant, now) },
  result: undefined,
})

function expiry(grant: Grant, now: number, rules: GrantRules): number {
  const idle = now + (grant.refreshes ? rules.refreshTtl : rules.accessTokenTtl)
  return Math.min(idle, grant.endsAt ?? idle)
}
