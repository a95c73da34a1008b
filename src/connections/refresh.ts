import { OAuthError } from '../errors.ts'
import { describeError, type Emit } from '../events/event.ts'
import { type Decision, type Grant, nextEpoch, providerOf } from '../grants/grant.ts'
import { type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { Grants, Outcome } from '../grants/grants.ts'
import { ownerOf } from '../grants/owner.ts'
import type { Clock, UpstreamTokens } from '../ports.ts'
import { backedScopes, isUseful, type ScopeTable } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { signInEnded } from '../refusals.ts'
import { ms, seconds } from '../timing.ts'
import { UpstreamUnavailable } from '../upstream/unavailable.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { EndTokens } from './end.ts'
import { createLeases } from './lease.ts'
import { retrying } from './retry.ts'

/** The provider's tokens of a grant, kept alive. */
export interface Connections {
  /** Returns `true` if the provider's tokens have expired or are about to. */
  isStale(key: GrantKey, grant: Grant): boolean
  /**
   * Returns tokens that are not about to expire, refreshed first if needed. Concurrent callers share one refresh, also
   * across instances that share an atomic store. Returns `undefined` for a grant without tokens.
   *
   * @param refused An access token that the provider's API refuses, regardless of its expiry.
   * @throws {OAuthError} `invalid_grant` if the sign-in at the provider has ended; the grant has then ended too.
   * `temporarily_unavailable` if the provider may recover; the grant lives. `bad_gateway` if a token was refused that
   * was issued recently, because another one would be refused too.
   */
  fresh(key: GrantKey, refused?: string): Promise<UpstreamTokens | undefined>
}

export function createConnections(ports: {
  grants: Grants
  upstreams: Upstreams
  /** Scopes whose provider scopes were withdrawn are withdrawn too. */
  scopes: ScopeTable
  now: Clock
  emit: Emit
  endTokens: EndTokens
}): Connections {
  const { grants, upstreams, scopes, now, emit, endTokens } = ports
  const refreshing = new Map<string, Promise<UpstreamTokens | undefined>>()
  const leases = createLeases(grants, now)

  const isFresh = ({ expiresAt }: UpstreamTokens, skew: number) =>
    expiresAt === undefined || expiresAt - skew > now()

  const serves = (tokens: UpstreamTokens, refused: string | undefined) =>
    refused === undefined ? isFresh(tokens, seconds.tokenSkew) : tokens.accessToken !== refused

  async function end(key: GrantKey, reason: ReasonCode, cause?: OAuthError): Promise<never> {
    const grant = await grants.end(key)
    const detail = cause?.reason === reason ? cause.detail : undefined
    emit({ type: 'grant-ended', ...ownerOf(key, grant), reason, detail })
    throw signInEnded({ reason: reason, detail, cause })
  }

  async function refresh(key: GrantKey, refused?: string): Promise<UpstreamTokens | undefined> {
    for (;;) {
      // Another instance may have refreshed since this one last read the record.
      const grant = await grants.load(key)
      if (!grant) throw signInEnded({ reason: 'grant-not-found' })
      const tokens = grants.tokensOf(key, grant)
      if (!tokens || serves(tokens, refused)) return tokens
      if (tokens.refreshToken === undefined) {
        if (refused === undefined && isFresh(tokens, 0)) return tokens
        return end(key, refused === undefined ? 'provider-token-expired' : 'provider-token-refused')
      }
      const upstream = upstreams.find(providerOf(grant))
      if (!upstream) return upstreams.tenants ? unknownTenant() : end(key, 'provider-not-configured')
      const lease = await leases.take(key, grant, upstream)
      if (lease) return renew(key, { grant, upstream, tokens, refused })
      await new Promise((resolve) => setTimeout(resolve, ms.refreshPoll))
    }
  }

  async function renew(
    key: GrantKey,
    about: { grant: Grant; upstream: Upstream; tokens: UpstreamTokens; refused: string | undefined },
  ): Promise<UpstreamTokens> {
    const { grant, upstream, tokens, refused } = about
    const owner = { ...ownerOf(key, grant), provider: upstream.id }
    let lost = leases.isMarked(grant)
    const attempt = () =>
      upstream.refresh(tokens).catch((error: unknown) => {
        if (error instanceof UpstreamUnavailable && error.effect !== 'none') lost = true
        throw error
      })
    const mayRepeat = ({ again, effect }: UpstreamUnavailable) =>
      again !== undefined && (effect !== 'unclear' || upstream.rotation === 'never')
    let next: UpstreamTokens
    try {
      // Three attempts. The last one ends before the lease does.
      next = await retrying(attempt, { pauses: ms.refreshPauses, within: ms.refreshWithin }, mayRepeat)
    } catch (error) {
      if (isTheEnd(error)) {
        const mayLive = lost && leases.marks(upstream) && saidByProvider(error)
        // The lost tokens may be valid. Where tokens are a family, revoking the old one revokes the new one.
        if (mayLive) void endTokens(owner, tokens)
        return end(key, mayLive ? 'refresh-response-lost' : error.reason, error)
      }
      await leases.giveBack(key, { lost, upstream })
      const killed = lost && upstream.refreshKillsAccess
      const stillGood = refused === undefined && !killed && isFresh(tokens, 0)
      if (!(error instanceof UpstreamUnavailable && stillGood)) throw error
      emit({ type: 'failed', ...owner, reason: 'provider-refresh-failed', error: describeError(error) })
      return tokens
    }
    // Saved before use, because a lost rotated refresh token cannot be obtained again. A store that fails gets a second
    // chance for the same reason.
    const outcome = await keep(key, upstream, next).catch(async () => {
      await new Promise((resolve) => setTimeout(resolve, ms.refreshOnceMore))
      return keep(key, upstream, next)
    })
    if (outcome.type !== 'done') {
      void endTokens(owner, next)
      if (outcome.type === 'missing') throw signInEnded({ reason: 'grant-not-found' })
      emit({ type: 'grant-ended', ...owner, reason: outcome.reason })
      throw signInEnded({ reason: outcome.reason })
    }
    emit({ type: 'upstream-refreshed', ...owner })
    return next
  }

  /** Writes the new tokens, and gives the lease back. Revokes access tokens with a scope that is no longer backed. */
  const keep = (key: GrantKey, upstream: Upstream, next: UpstreamTokens): Promise<Outcome<undefined>> =>
    grants.change(key, (grant): Decision<undefined> => {
      const scope = backedScopes(grant.scope, scopes, (one) => upstream.grants(next, one))
      if (!isUseful(scope)) return { type: 'end', reason: 'provider-scopes-withdrawn' }
      const epoch = scope.length < grant.scope.length ? nextEpoch(grant, now()) : grant.epoch
      const renewed = grants.withTokens(key, { ...grant, scope, epoch }, next)
      return { type: 'write', grant: renewed, result: undefined }
    })

  return {
    isStale(key, grant) {
      const tokens = grants.tokensOf(key, grant)
      return tokens !== undefined && !isFresh(tokens, seconds.tokenSkew)
    },
    async fresh(key, refused) {
      const name = recordKey(key)
      const under = refreshing.get(name)
      if (under) {
        const tokens = await under
        if (refused === undefined || tokens?.accessToken !== refused) return tokens
      }
      // A refused token may have been replaced since this instance last read the record.
      const grant = refused === undefined ? (await grants.live(key)).grant : await grants.load(key)
      if (!grant) throw signInEnded({ reason: 'grant-not-found' })
      const tokens = grants.tokensOf(key, grant)
      if (!tokens || serves(tokens, refused)) return tokens
      if (refused !== undefined && now() - (tokens.obtainedAt ?? 0) < seconds.tokenYoung)
        throw freshTokenRefused()
      let flight = refreshing.get(name)
      if (!flight) {
        flight = refresh(key, refused).finally(() => refreshing.delete(name))
        refreshing.set(name, flight)
      }
      return flight
    },
  }
}

const isTheEnd = (error: unknown): error is OAuthError =>
  error instanceof OAuthError && error.code === 'invalid_grant'

/** Returns `true` if the provider said it, rather than this server concluding it. */
const saidByProvider = ({ cause }: OAuthError) => cause !== undefined

/** Only a request of the tenant can tell its provider. Until then it does not count as removed. */
function unknownTenant(): never {
  throw new OAuthError('temporarily_unavailable', 'The identity provider is not known at the moment', {
    reason: 'tenant-unknown',
    retryAfter: 5,
  })
}

const freshTokenRefused = () =>
  new OAuthError('bad_gateway', 'The MCP server refuses a provider token that was issued recently', {
    reason: 'fresh-provider-token-refused',
  })
