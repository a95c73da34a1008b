import { ageOf } from '../age.ts'
import { OAuthError } from '../errors.ts'
import { describeError } from '../events/describe-error.ts'
import type { Emit } from '../events/event.ts'
import { type Decision, type Grant, providerOf } from '../grants/grant.ts'
import { type GrantKey, isSameUser } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import { ownerOf } from '../grants/owner.ts'
import type { Clock } from '../ports.ts'
import { PROVIDER_UNAVAILABLE, signInEnded } from '../refusals.ts'
import { seconds } from '../timing.ts'
import type { AdmitUser } from '../upstream/admit-user.ts'
import type { Exchanged } from '../upstream/identity.ts'
import { UpstreamUnavailable } from '../upstream/unavailable.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { EndTokens } from './end.ts'
import type { Demand } from './refresh.ts'
import { type Refreshed, unchanged } from './renewal.ts'
import { stateOfGrant } from './token-state.ts'

export interface RecheckPorts {
  readonly grants: Grants
  readonly upstreams: Upstreams
  readonly admitUser: AdmitUser
  /** Seconds after which the provider is asked about a user again. Absent: it is not. */
  readonly revalidate: number | undefined
  readonly now: Clock
  readonly emit: Emit
  readonly endTokens: EndTokens
  /** Refreshes the provider's tokens. */
  refresh(key: GrantKey, demand: Demand): Promise<Refreshed | undefined>
  /** Returns `true` if a refresh of the grant failed a moment ago. */
  hasFailedRecently(key: GrantKey): boolean
}

/**
 * Brings a grant up to date before its client refreshes: the provider's tokens if they are stale, the identity if it is
 * older than `revalidate`. Then lets `allow` judge the user again.
 *
 * @returns `true` if the record may have changed.
 * @throws {OAuthError} `invalid_grant` if the sign-in has ended or the user is no longer allowed; the grant has then
 * ended too. `temporarily_unavailable` if the provider must be asked and does not respond.
 */
export type Recheck = (key: GrantKey, grant: Grant) => Promise<boolean>

export function createRecheck(ports: RecheckPorts): Recheck {
  const { grants, upstreams, admitUser, revalidate, now, emit, endTokens, refresh, hasFailedRecently } = ports

  const identityAge = (grant: Grant) => ageOf(grant.identityAt ?? grant.createdAt, now())
  const isDue = (grant: Grant): boolean => revalidate !== undefined && identityAge(grant) >= revalidate

  async function end(key: GrantKey, grant: Grant, error: OAuthError): Promise<never> {
    await grants.end(key)
    const owner = ownerOf(key, grant)
    emit({ type: 'grant-ended', ...owner, reason: error.reason, detail: error.detail })
    void endTokens(owner, () => grants.tokensOf(key, grant))
    throw error
  }

  /** Asks the provider who the user is now. */
  async function confirm(key: GrantKey, grant: Grant, exchanged: Exchanged): Promise<void> {
    const previous = grants.identityOf(key, grant)
    const identity = await upstreams.find(providerOf(grant))?.confirm(exchanged, previous)
    if (identity === 'refused') return end(key, grant, signInEnded({ reason: 'provider-token-refused' }))
    if (!identity) return
    if (!isSameUser(identity, previous))
      return end(key, grant, signInEnded({ reason: 'refresh-subject-mismatch' }))
    await grants.change(key, (current): Decision<undefined> => {
      return { type: 'write', grant: grants.withIdentity(key, current, identity, now()), result: undefined }
    })
  }

  /** @returns `true` if the record may have changed. */
  async function update(key: GrantKey, grant: Grant): Promise<boolean> {
    const tokens = grants.tokensOf(key, grant)
    if (!tokens) return false
    const due = isDue(grant)
    const state = stateOfGrant(key, tokens, now())
    const isFresh = state === 'fresh'
    if (!due && (isFresh || (state === 'stale' && hasFailedRecently(key)))) return false
    const usesRefresh = !isFresh || tokens.refreshToken !== undefined
    const exchanged = usesRefresh
      ? await refresh(key, { confirms: isDue }).catch(ignoreExpired)
      : unchanged(tokens)
    if (due && exchanged) await confirm(key, grant, exchanged)
    return true
  }

  /** Decides about an identity that could not be brought up to date. */
  async function requireRecent(key: GrantKey, grant: Grant, failure: unknown): Promise<void> {
    if (!isDue(grant) || !grants.tokensOf(key, grant)) return
    const error = failure === undefined ? undefined : describeError(failure)
    emit({ type: 'failed', ...ownerOf(key, grant), reason: 'user-not-rechecked', error })
    if (identityAge(grant) < 2 * revalidate!) return
    // A provider that is unavailable ends no grant. A provider that cannot tell never will.
    if (failure === undefined) return end(key, grant, signInEnded({ reason: 'user-not-rechecked' }))
    throw new OAuthError('temporarily_unavailable', PROVIDER_UNAVAILABLE, {
      reason: 'user-not-rechecked',
      cause: failure,
      retryAfter: seconds.providerLater,
    })
  }

  async function judge(key: GrantKey, grant: Grant): Promise<void> {
    const upstream = upstreams.find(providerOf(grant))
    const refusal = upstream && (await admitUser(upstream, grants.identityOf(key, grant)))
    if (refusal) return end(key, grant, notAllowed(refusal))
  }

  return async (key, grant) => {
    if (grant.origin.type !== 'sign-in') return false
    let failure: unknown
    const changed = await update(key, grant).catch((error: unknown) => {
      if (!(error instanceof UpstreamUnavailable) || !isDue(grant)) throw error
      failure = error
      return true
    })
    const current = changed ? await grants.load(key) : grant
    if (!current) return true
    await requireRecent(key, current, failure)
    await judge(key, current)
    return changed
  }
}

/** A grant may outlive provider tokens that cannot be refreshed. */
function ignoreExpired(error: unknown): undefined {
  if (!(error instanceof OAuthError) || error.reason !== 'no-provider-token') throw error
}

const notAllowed = (refusal: { reason: OAuthError['reason']; detail?: string | undefined }) =>
  new OAuthError('invalid_grant', 'This account may no longer use this server', refusal)
