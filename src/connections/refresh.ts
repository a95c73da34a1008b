import { type ErrorDetail, OAuthError } from '../errors.ts'
import { describeError, type Emit } from '../events/event.ts'
import type { Decision, Grant } from '../grants/grant.ts'
import { type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { Grants, Outcome } from '../grants/grants.ts'
import { ownerOf } from '../grants/owner.ts'
import type { Clock, UpstreamTokens } from '../ports.ts'
import { backedScopes, isUseful, type ScopeTable } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { ms, seconds } from '../timing.ts'
import { UpstreamUnavailable } from '../upstream/unavailable.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { EndTokens } from './end.ts'
import { retrying } from './retry.ts'

/** The provider's tokens of a grant, kept alive. */
export interface UpstreamAccess {
  /** Whether the provider's tokens in a record are over or about to be. */
  isStale(key: GrantKey, grant: Grant): boolean
  /**
   * Tokens that are not about to expire: refreshed first where need be, once under concurrency, also across
   * instances that share an atomic store.
   *
   * @param refused An access token that the provider does not take any more, whatever its expiry: not this one.
   * @throws {OAuthError} `invalid_grant` where the sign-in at the provider is over: the grant has then ended.
   * `temporarily_unavailable` where the provider may come back: the grant lives. `bad_gateway` where a token is
   * refused that was issued just now: another one would fare no better.
   */
  fresh(key: GrantKey, refused?: string): Promise<UpstreamTokens>
}

const ENDED = 'The sign-in at the identity provider has ended'

const signInOver = (reason: ReasonCode, more: Pick<ErrorDetail, 'detail' | 'cause'> = {}) =>
  new OAuthError('invalid_grant', ENDED, { ...more, reason })

export function createUpstreamAccess(ports: {
  grants: Grants
  upstreams: Upstreams
  /** What scopes here need there: what the provider takes back, is taken back. */
  scopes: ScopeTable
  now: Clock
  emit: Emit
  endTokens: EndTokens
}): UpstreamAccess {
  const { grants, upstreams, scopes, now, emit, endTokens } = ports
  const refreshing = new Map<string, Promise<UpstreamTokens>>()
  const shared = grants.consistency === 'atomic'
  // A refresh token that is never replaced may be sent as often as one likes: there is nothing to remember.
  // Eventual stores take about one write a second: the one that saves the new tokens must not come second.
  const isMarked = ({ rotation }: Upstream) => rotation !== 'never' && grants.consistency !== 'eventual'

  const isFresh = ({ expiresAt }: UpstreamTokens, skew: number) =>
    expiresAt === undefined || expiresAt - skew > now()

  const serves = (tokens: UpstreamTokens, refused: string | undefined) =>
    refused === undefined ? isFresh(tokens, seconds.tokenSkew) : tokens.accessToken !== refused

  async function end(key: GrantKey, reason: ReasonCode, cause?: OAuthError): Promise<never> {
    const grant = await grants.end(key)
    const detail = cause?.reason === reason ? cause.detail : undefined
    emit({ type: 'grant-ended', ...ownerOf(key, grant), reason, detail })
    throw signInOver(reason, { detail, cause })
  }

  async function refresh(key: GrantKey, refused?: string): Promise<UpstreamTokens> {
    for (;;) {
      // Read anew: another instance may have refreshed since this one last looked.
      const grant = await grants.load(key)
      if (!grant) throw signInOver('grant-over')
      const tokens = grants.openTokens(key, grant)
      if (serves(tokens, refused)) return tokens
      if (tokens.refreshToken === undefined) {
        if (refused === undefined && isFresh(tokens, 0)) return tokens
        return end(key, refused === undefined ? 'provider-token-expired' : 'provider-token-refused')
      }
      const upstream = upstreams.find(grant.provider)
      if (!upstream) return upstreams.tenants ? unmet() : end(key, 'provider-not-configured')
      if (await lease(key, grant, upstream)) return renew(key, { grant, upstream, tokens, refused })
      await new Promise((resolve) => setTimeout(resolve, ms.refreshPoll))
    }
  }

  /**
   * Lets one instance at a time ask the provider: many take a refresh token once, and what they answer to the
   * second asker ends the sign-in. The same write says that it is asked, for whoever comes after an instance that died
   * over it.
   */
  async function lease(key: GrantKey, seen: Grant, upstream: Upstream): Promise<boolean> {
    const marked = isMarked(upstream)
    if (!shared && !marked) return true
    const outcome = await grants.change(key, (grant): Decision<boolean> => {
      const taken = grant.upstream !== seen.upstream || (shared && (grant.leasedUntil ?? 0) > now())
      if (taken) return { type: 'keep', result: false }
      const next = {
        ...grant,
        ...(shared && { leasedUntil: now() + seconds.refreshLease }),
        ...(marked && { askedAt: grant.askedAt ?? now() }),
      }
      return { type: 'write', grant: next, result: true }
    })
    return outcome.type === 'done' && outcome.result
  }

  async function renew(
    key: GrantKey,
    about: { grant: Grant; upstream: Upstream; tokens: UpstreamTokens; refused: string | undefined },
  ): Promise<UpstreamTokens> {
    const { grant, upstream, tokens, refused } = about
    const owner = { ...ownerOf(key, grant), provider: upstream.id }
    let lost = grant.askedAt !== undefined
    const marked = isMarked(upstream)
    const attempt = () =>
      upstream.refresh(tokens).catch((error: unknown) => {
        if (error instanceof UpstreamUnavailable && error.effect !== 'none') lost = true
        throw error
      })
    const mayRepeat = ({ again, effect }: UpstreamUnavailable) =>
      again !== undefined && (effect !== 'unclear' || upstream.rotation === 'never')
    let next: UpstreamTokens
    try {
      next = await retrying(attempt, { pauses: ms.refreshPauses, within: ms.refreshWithin }, mayRepeat)
    } catch (error) {
      if (isTheEnd(error)) {
        const mayLive = lost && marked && saidByProvider(error)
        // What was lost may be alive there: where tokens are a family, the old one ends the new one.
        if (mayLive) void endTokens(owner, tokens)
        return end(key, mayLive ? 'refresh-answer-lost' : error.reason, error)
      }
      await giveBack(key, lost, marked)
      const killed = lost && upstream.refreshKillsAccess
      const stillGood = refused === undefined && !killed && isFresh(tokens, 0)
      if (!(error instanceof UpstreamUnavailable && stillGood)) throw error
      emit({ type: 'failed', ...owner, reason: 'provider-token-kept', error: describeError(error) })
      return tokens
    }
    // Saved before anybody uses it: a rotated refresh token that is lost cannot be had again. A store that fails gets
    // a second chance for the same reason.
    const outcome = await keep(key, upstream, next).catch(async () => {
      await new Promise((resolve) => setTimeout(resolve, ms.refreshOnceMore))
      return keep(key, upstream, next)
    })
    if (outcome.type !== 'done') {
      void endTokens(owner, next)
      if (outcome.type === 'missing') throw signInOver('grant-over')
      emit({ type: 'grant-ended', ...owner, reason: outcome.reason })
      throw signInOver(outcome.reason)
    }
    emit({ type: 'upstream-refreshed', ...owner })
    return next
  }

  async function giveBack(key: GrantKey, lost: boolean, marked: boolean): Promise<void> {
    if (!shared && !(marked && !lost)) return
    await grants.change(key, ({ leasedUntil: _, askedAt, ...grant }): Decision<undefined> => {
      const open = lost && askedAt !== undefined ? { askedAt } : {}
      return { type: 'write', grant: { ...grant, ...open }, result: undefined }
    })
  }

  /** Writes the new tokens, and gives the lease back. Access tokens with a scope that they do not back end at once. */
  function keep(key: GrantKey, upstream: Upstream, next: UpstreamTokens): Promise<Outcome<undefined>> {
    const sealed = grants.sealTokens(key, next)
    return grants.change(key, ({ leasedUntil: _, askedAt: __, ...grant }): Decision<undefined> => {
      const scope = backedScopes(grant.scope, scopes, (one) => upstream.grants(next, one))
      if (!isUseful(scope)) return { type: 'end', reason: 'provider-took-scopes-back' }
      const epoch = grant.epoch + (scope.length < grant.scope.length ? 1 : 0)
      return { type: 'write', grant: { ...grant, upstream: sealed, scope, epoch }, result: undefined }
    })
  }

  return {
    isStale: (key, grant) => !isFresh(grants.openTokens(key, grant), seconds.tokenSkew),
    async fresh(key, refused) {
      const name = recordKey(key)
      const under = refreshing.get(name)
      if (under) {
        const tokens = await under
        if (refused === undefined || tokens.accessToken !== refused) return tokens
      }
      // What was refused may have been replaced since this instance last looked.
      const grant = refused === undefined ? (await grants.live(key)).grant : await grants.load(key)
      if (!grant) throw signInOver('grant-over')
      const tokens = grants.openTokens(key, grant)
      if (serves(tokens, refused)) return tokens
      if (refused !== undefined && now() - (tokens.obtainedAt ?? 0) < seconds.tokenYoung) throw refusedYoung()
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

/** Rather than concluded here from what it said. */
const saidByProvider = ({ cause }: OAuthError) => cause !== undefined

/** Only a request of the tenant's can say what its provider is: until then nobody knows that it is gone. */
function unmet(): never {
  throw new OAuthError('temporarily_unavailable', 'The identity provider is not known at the moment', {
    reason: 'tenant-not-met',
    retryAfter: 5,
  })
}

const refusedYoung = () =>
  new OAuthError('bad_gateway', 'The service behind refuses a token that was issued just now', {
    reason: 'provider-token-refused-young',
  })
