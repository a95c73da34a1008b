import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import type { Decision, Grant } from '../grants/grant.ts'
import { formatGrantKey, type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import type { Clock, UpstreamTokens } from '../ports.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** The provider's tokens of a grant, kept alive. */
export interface UpstreamAccess {
  /** Whether the provider's tokens in a record are over or about to be. */
  isStale(key: GrantKey, grant: Grant): boolean
  /**
   * Tokens that are not about to expire: refreshed first where need be, once under concurrency, also across
   * instances that share an atomic store.
   *
   * @throws {OAuthError} `invalid_grant` where the sign-in at the provider is over: the grant has then ended.
   * `temporarily_unavailable` where the provider may come back: the grant lives.
   */
  fresh(key: GrantKey): Promise<UpstreamTokens>
}

/** Seconds before its expiry from which a token counts as expired: clocks differ, and requests take time. */
const SKEW = 60

/** Seconds: longer than a provider may take to answer, so that only an instance that died leaves one behind. */
const LEASE = 15
/** Milliseconds between two looks at what another instance is doing. */
const POLL = 150

const signInOver = (reason: string, cause?: unknown) =>
  new OAuthError('invalid_grant', 'The sign-in at the identity provider has ended', { reason, cause })

export function createUpstreamAccess(ports: {
  grants: Grants
  upstream: Upstream
  now: Clock
  emit: Emit
}): UpstreamAccess {
  const { grants, upstream, now, emit } = ports
  const refreshing = new Map<string, Promise<UpstreamTokens>>()

  const isFresh = ({ expiresAt }: UpstreamTokens, skew: number) =>
    expiresAt === undefined || expiresAt - skew > now()

  async function end(key: GrantKey, reason: string, cause?: unknown): Promise<never> {
    const grant = await grants.end(key)
    emit({ type: 'grant-ended', grant: formatGrantKey(key), client: grant?.client, user: key.user, reason })
    throw signInOver(reason, cause)
  }

  async function refresh(key: GrantKey): Promise<UpstreamTokens> {
    for (;;) {
      // Read anew: another instance may have refreshed since this one last looked.
      const grant = await grants.load(key)
      if (!grant) throw signInOver('the grant has ended')
      const tokens = grants.openTokens(key, grant)
      if (isFresh(tokens, SKEW)) return tokens
      if (tokens.refreshToken === undefined) {
        if (isFresh(tokens, 0)) return tokens
        return end(key, 'the provider’s token has expired and it gave none to refresh it')
      }
      if (await lease(key, grant)) return renew(key, tokens)
      await new Promise((resolve) => setTimeout(resolve, POLL))
    }
  }

  /**
   * Lets one instance at a time ask the provider: many take a refresh token once, and what they answer to the
   * second asker ends the sign-in. Where no other instance can agree on that, there is none to wait for.
   */
  async function lease(key: GrantKey, seen: Grant): Promise<boolean> {
    if (!grants.shared) return true
    const outcome = await grants.change(key, (grant): Decision<boolean> => {
      const taken = grant.upstream !== seen.upstream || (grant.leasedUntil ?? 0) > now()
      if (taken) return { type: 'keep', result: false }
      return { type: 'write', grant: { ...grant, leasedUntil: now() + LEASE }, result: true }
    })
    return outcome.type === 'done' && outcome.result
  }

  async function renew(key: GrantKey, tokens: UpstreamTokens): Promise<UpstreamTokens> {
    const next = await upstream.refresh(tokens).catch(async (error: unknown) => {
      if (error instanceof OAuthError && error.code === 'invalid_grant') {
        return end(key, error.reason ?? error.message, error)
      }
      if (grants.shared) await save(key, {})
      throw error
    })
    // Saved before anybody uses it: a rotated refresh token that is lost cannot be had again.
    const outcome = await save(key, { upstream: grants.sealTokens(key, next) })
    if (outcome.type !== 'done') throw signInOver('the grant ended while it was refreshed')
    emit({ type: 'upstream-refreshed', grant: formatGrantKey(key), client: outcome.result, user: key.user })
    return next
  }

  /** Writes what came of it, and gives the lease back. */
  const save = (key: GrantKey, change: Partial<Pick<Grant, 'upstream'>>) =>
    grants.change(key, ({ leasedUntil: _, ...grant }): Decision<string> => {
      return { type: 'write', grant: { ...grant, ...change }, result: grant.client }
    })

  return {
    isStale: (key, grant) => !isFresh(grants.openTokens(key, grant), SKEW),
    async fresh(key) {
      const name = recordKey(key)
      const under = refreshing.get(name)
      if (under) return under
      const { grant } = await grants.live(key)
      if (!grant) throw signInOver('the grant has ended')
      const tokens = grants.openTokens(key, grant)
      if (isFresh(tokens, SKEW)) return tokens
      let flight = refreshing.get(name)
      if (!flight) {
        flight = refresh(key).finally(() => refreshing.delete(name))
        refreshing.set(name, flight)
      }
      return flight
    },
  }
}
