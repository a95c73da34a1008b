import { createBoundedMap } from '../bounded-map.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import { type Grant, providerOf } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import type { Clock, KeepAlive, UpstreamTokens } from '../ports.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { signInEnded } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { EndTokens } from './end.ts'
import { createLeases } from './lease.ts'
import { createRenewal, type Refreshed, unchanged } from './renewal.ts'
import { createSlots, type Slots } from './slots.ts'
import { stateOfGrant } from './token-state.ts'

/** A request for other tokens than those of the record. */
export interface Demand {
  /** An access token that the provider's API refuses, regardless of its expiry. */
  readonly refused?: string | undefined
  /** Returns `true` if the tokens must be refreshed in any state, so that the provider confirms the user. */
  readonly confirms?: ((grant: Grant) => boolean) | undefined
}

/**
 * Returns tokens of a grant that are not about to expire, refreshed first if needed. One instance refreshes at a time;
 * the others use its result.
 *
 * @throws {OAuthError} `invalid_grant` if the sign-in at the provider has ended; the grant has then ended too.
 * `temporarily_unavailable` if the provider may recover, or if another instance takes too long; the grant lives.
 */
export type RefreshTokens = (key: GrantKey, demand: Demand) => Promise<Refreshed | undefined>

export interface RefreshPorts {
  readonly grants: Grants
  readonly upstreams: Upstreams
  /** Scopes whose provider scopes were withdrawn are withdrawn too. */
  readonly scopes: ScopeTable
  /** A grant may live longer than provider tokens that cannot be refreshed. */
  readonly outlivesTokens: boolean
  readonly now: Clock
  readonly emit: Emit
  readonly endTokens: EndTokens
  readonly keepAlive?: KeepAlive | undefined
}

/** Providers whose slots are kept. */
const PROVIDERS = 1000
/** Refreshes that are sent to one provider at once. */
const AT_ONCE = 20

export function createRefreshTokens(ports: RefreshPorts): RefreshTokens {
  const { grants, upstreams, now, outlivesTokens } = ports
  const leases = createLeases(grants, now)
  const renewal = createRenewal({ ...ports, leases })
  const slots = createBoundedMap<string, Slots>({ entries: PROVIDERS })

  function slotsOf({ id }: Upstream): Slots {
    const known = slots.get(id) ?? createSlots(AT_ONCE, () => ms.refreshLongest)
    slots.set(id, known)
    return known
  }

  /** Decides about tokens that cannot be refreshed. */
  function withoutRefresh(key: GrantKey, tokens: UpstreamTokens, { isRefused, works }: Situation) {
    if (works) return unchanged(tokens)
    if (outlivesTokens) throw tokensExpired()
    return renewal.end(key, isRefused ? 'provider-token-refused' : 'provider-token-expired')
  }

  return async (key, { refused, confirms }) => {
    const began = performance.now()
    for (;;) {
      // Another instance may have refreshed since this one last read the record.
      const grant = await grants.load(key)
      if (!grant) throw signInEnded({ reason: 'grant-not-found' })
      const tokens = grants.tokensOf(key, grant)
      if (!tokens) return undefined
      const isRefused = tokens.accessToken === refused
      const state = stateOfGrant(key, tokens, now())
      const isDue = confirms?.(grant) === true
      if (!isRefused && state === 'fresh' && !isDue) return unchanged(tokens)
      const situation = { isRefused, works: !isRefused && state !== 'expired' }
      if (tokens.refreshToken === undefined) return withoutRefresh(key, tokens, situation)
      const upstream = upstreams.find(providerOf(grant))
      if (!upstream) return upstreams.tenants ? unknownTenant() : renewal.end(key, 'provider-not-configured')
      const left = ms.refreshWait - (performance.now() - began)
      const release = await slotsOf(upstream).take(left)
      if (!release) throw tooSlow('refresh-queued')
      try {
        if (await leases.take(key, grant, upstream))
          return await renewal.renew(key, { grant, upstream, tokens, isRefused })
      } finally {
        release()
      }
      const waited = performance.now() - began
      if (situation.works && !isDue && waited > ms.refreshGlance) return unchanged(tokens)
      if (waited > ms.refreshWait) throw tooSlow('refresh-by-another-instance')
      await new Promise((resolve) => setTimeout(resolve, ms.refreshPoll))
    }
  }
}

interface Situation {
  readonly isRefused: boolean
  readonly works: boolean
}

/** Only a request of the tenant can tell its provider. Until then it does not count as removed. */
function unknownTenant(): never {
  throw new OAuthError('temporarily_unavailable', 'The identity provider is not known at the moment', {
    reason: 'tenant-unknown',
    retryAfter: seconds.retryLater,
  })
}

const tokensExpired = () =>
  new OAuthError('access_denied', 'The token of the identity provider has expired', {
    reason: 'no-provider-token',
    detail: 'it cannot be refreshed, and the grant outlives it by `identityTtl`',
  })

type Slow = 'refresh-slow' | 'refresh-queued' | 'refresh-by-another-instance'
const SLOW: ReadonlySet<ReasonCode> = new Set<Slow>([
  'refresh-slow',
  'refresh-queued',
  'refresh-by-another-instance',
])

export const tooSlow = (reason: Slow): OAuthError =>
  new OAuthError('temporarily_unavailable', 'The sign-in is being renewed, try again', {
    reason,
    retryAfter: seconds.retryLater,
  })

/** Returns `true` if a refresh was not finished in time. It may still succeed. */
export const isTooSlow = (error: unknown): boolean => error instanceof OAuthError && SLOW.has(error.reason)
