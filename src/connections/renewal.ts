import { OAuthError } from '../errors.ts'
import { describeError } from '../events/describe-error.ts'
import type { Emit } from '../events/event.ts'
import { type Decision, type Grant, nextEpoch } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import type { Grants, Outcome } from '../grants/grants.ts'
import { ownerOf } from '../grants/owner.ts'
import type { Clock, KeepAlive, UpstreamTokens } from '../ports.ts'
import { backedScopes, isUseful, type ScopeTable } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { signInEnded } from '../refusals.ts'
import { ms } from '../timing.ts'
import type { Exchanged } from '../upstream/identity.ts'
import { UpstreamUnavailable } from '../upstream/unavailable.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { EndTokens } from './end.ts'
import { createLateSaves } from './late-saves.ts'
import type { Leases } from './lease.ts'
import { limitOf } from './other-grants.ts'
import { retrying } from './retry.ts'
import { stateOf } from './token-state.ts'

/** A grant whose lease this instance has, and the tokens that it refreshes. */
export interface Leased {
  readonly grant: Grant
  readonly upstream: Upstream
  readonly tokens: UpstreamTokens
  /** The provider's API refused the access token. */
  readonly isRefused: boolean
}

/** Refreshes the tokens of a grant at its provider and saves them. */
export interface Renewal {
  /**
   * @returns The new tokens, or the old ones if the provider is unavailable and they still work.
   * @throws {OAuthError} `invalid_grant` if the sign-in has ended: the grant has then ended too.
   */
  renew(key: GrantKey, leased: Leased): Promise<Refreshed>
  /** Ends a grant because of its provider. @throws {OAuthError} `invalid_grant` */
  end(key: GrantKey, reason: ReasonCode, cause?: OAuthError): Promise<never>
}

/** The result of a refresh. */
export interface Refreshed extends Exchanged {
  /** The provider was unavailable, and these are the tokens from before. */
  readonly hasFailed?: true
}

const isTemporary = (error: unknown): boolean =>
  error instanceof OAuthError && error.code === 'temporarily_unavailable'

/**
 * A store that fails gets more chances to take new tokens, because a rotated refresh token that is lost cannot be obtained
 * again.
 */
const maySaveAgain = (error: unknown) => (isTemporary(error) ? 0 : undefined)

/** Returns the result of a refresh that was not made. */
export const unchanged = (tokens: UpstreamTokens): Refreshed => ({ tokens, answer: {}, idToken: undefined })

export function createRenewal(ports: {
  grants: Grants
  upstreams: Upstreams
  leases: Leases
  /** Scopes whose provider scopes were withdrawn are withdrawn too. */
  scopes: ScopeTable
  now: Clock
  emit: Emit
  endTokens: EndTokens
  keepAlive?: KeepAlive | undefined
}): Renewal {
  const { grants, leases, scopes, now, emit, endTokens } = ports
  const late = createLateSaves(ports.keepAlive)

  /** @param more Explains the end further, in the event. */
  async function end(key: GrantKey, reason: ReasonCode, cause?: OAuthError, more?: string): Promise<never> {
    const ended = await grants.end(key)
    const said = cause?.reason === reason ? cause.detail : undefined
    const detail = [said, more].filter((part) => part !== undefined).join('; ') || undefined
    emit({ type: 'grant-ended', ...ownerOf(key, ended?.grant), reason, detail })
    throw signInEnded({ reason, detail, cause })
  }

  /**
   * Returns the tokens that another instance got meanwhile, if one did: then the provider refused a refresh token that
   * had been replaced. Without leases, the other instance may not have written them yet.
   */
  async function replaced(
    key: GrantKey,
    { tokens: { accessToken }, upstream: { rotation } }: Leased,
  ): Promise<UpstreamTokens | undefined> {
    if (rotation === 'never') return undefined
    for (const pause of grants.consistency === 'atomic' ? [0] : [0, ms.refreshOnceMore]) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
      const grant = await grants.load(key)
      const tokens = grant && grants.tokensOf(key, grant)
      if (tokens && tokens.accessToken !== accessToken) return tokens
    }
    return undefined
  }

  /** Handles a failed refresh. */
  async function fail(key: GrantKey, leased: Leased, lost: boolean, error: unknown): Promise<Refreshed> {
    const { grant, upstream, tokens, isRefused } = leased
    const owner = { ...ownerOf(key, grant), provider: upstream.id }
    if (error instanceof OAuthError && error.code === 'invalid_grant') {
      const winner = error.cause === undefined ? undefined : await replaced(key, leased)
      if (winner) return unchanged(winner)
      const mayLive = lost && leases.marks(upstream) && error.cause !== undefined
      // The lost tokens may be valid. Where tokens are a family, revoking the old one revokes the new one.
      if (mayLive) void endTokens(owner, tokens)
      const limit = await limitOf(ports, owner, leased)
      return end(key, mayLive ? 'refresh-response-lost' : error.reason, error, limit)
    }
    await leases.giveBack(key, { lost, upstream })
    const killed = lost && upstream.refreshKillsAccess
    const stillWorks = !isRefused && !killed && stateOf(tokens, now(), 0) !== 'expired'
    if (!(error instanceof UpstreamUnavailable && stillWorks)) throw error
    emit({ type: 'failed', ...owner, reason: 'provider-refresh-failed', error: describeError(error) })
    return { ...unchanged(tokens), hasFailed: true }
  }

  /**
   * Writes the new tokens, and gives the lease back. Revokes access tokens with a scope that is no longer backed.
   *
   * @param replaced Set if this is late: another instance may have replaced the tokens meanwhile, and its own stay then.
   */
  const save = (
    key: GrantKey,
    upstream: Upstream,
    next: UpstreamTokens,
    replaced?: UpstreamTokens,
  ): Promise<Outcome<boolean>> =>
    grants.change(key, (grant): Decision<boolean> => {
      if (replaced && grants.tokensOf(key, grant)?.accessToken !== replaced.accessToken)
        return { type: 'keep', result: false }
      const scope = backedScopes(grant.scope, scopes, upstream.provider, (one) => upstream.grants(next, one))
      if (!isUseful(scope)) return { type: 'end', reason: 'provider-scopes-withdrawn' }
      const epoch = scope.length < grant.scope.length ? nextEpoch(grant, now()) : grant.epoch
      const renewed = grants.withTokens(key, { ...grant, scope, epoch }, next)
      return { type: 'write', grant: renewed, result: true }
    })

  /** Judges an attempt to save the new tokens. @throws {OAuthError} If the grant has ended, or the store failed. */
  async function finish(key: GrantKey, leased: Leased, next: Exchanged, saving: Promise<Outcome<boolean>>) {
    const owner = { ...ownerOf(key, leased.grant), provider: leased.upstream.id }
    const outcome = await saving.catch((error: unknown) => {
      if (!(error instanceof OAuthError && error.reason === 'grant-too-large')) throw error
      void endTokens(owner, next.tokens)
      return end(key, error.reason, error)
    })
    late.end(key)
    if (outcome.type === 'done') {
      if (outcome.result) emit({ type: 'upstream-refreshed', ...owner })
      return
    }
    void endTokens(owner, next.tokens)
    if (outcome.type === 'missing') throw signInEnded({ reason: 'grant-not-found' })
    emit({ type: 'grant-ended', ...owner, reason: outcome.reason })
    throw signInEnded({ reason: outcome.reason })
  }

  /** Goes on to save tokens for which the store has failed. Returns `true` if that must be tried again. */
  const saveLate = (key: GrantKey, leased: Leased, next: Exchanged): Promise<boolean> => {
    const { upstream, tokens } = leased
    const replaced = grants.consistency === 'atomic' ? tokens : undefined
    return finish(key, leased, next, save(key, upstream, next.tokens, replaced)).then(
      () => false,
      (error: unknown) => maySaveAgain(error) !== undefined,
    )
  }

  return {
    end,
    async renew(key, leased) {
      const { grant, upstream, tokens } = leased
      let lost = leases.isMarked(grant)
      const attempt = () =>
        upstream.refresh(tokens).catch((error: unknown) => {
          if (error instanceof UpstreamUnavailable && error.effect !== 'none') lost = true
          throw error
        })
      const again = (error: unknown) =>
        error instanceof UpstreamUnavailable && (error.effect !== 'unclear' || upstream.rotation === 'never')
          ? error.again
          : undefined
      let next = late.of(key, tokens)
      try {
        // Three attempts. The last one ends before the lease does.
        next ??= await retrying(attempt, { pauses: ms.refreshPauses, within: ms.refreshWithin }, again)
      } catch (error) {
        return fail(key, leased, lost, error)
      }
      const got = next
      // Saved before use.
      const saving = retrying(
        () => save(key, upstream, got.tokens),
        { pauses: ms.savePauses, within: ms.saveWithin },
        maySaveAgain,
      )
      await finish(key, leased, got, saving).catch((error: unknown) => {
        if (maySaveAgain(error) !== undefined) late.begin(key, tokens, got, () => saveLate(key, leased, got))
        throw error
      })
      return got
    },
  }
}
