import { ageOf } from '../age.ts'
import { createBoundedMap } from '../bounded-map.ts'
import { OAuthError } from '../errors.ts'
import { type Grant, providerOf } from '../grants/grant.ts'
import { type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { KeepAlive, UpstreamTokens } from '../ports.ts'
import { signInEnded } from '../refusals.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'
import { createRecheck, type RecheckPorts } from './recheck.ts'
import { createRefreshTokens, type Demand, isTooSlow, type RefreshPorts, tooSlow } from './refresh.ts'
import type { Refreshed } from './renewal.ts'
import { stateOfGrant } from './token-state.ts'

/** The provider's tokens of grants, kept alive. */
export interface Connections {
  /**
   * Returns tokens whose access token works. Tokens that have expired are refreshed first. A refresh of tokens that are
   * about to expire delays a request only for a moment. Concurrent callers share one refresh, also across instances that
   * share an atomic store. Returns `undefined` for a grant without tokens.
   *
   * @param refused An access token that the provider's API refuses, regardless of its expiry.
   * @throws {OAuthError} `invalid_grant` if the sign-in at the provider has ended; the grant has then ended too.
   * `temporarily_unavailable` if the provider may recover; the grant lives. `bad_gateway` if a token was refused that
   * was issued recently, because another one would be refused too.
   */
  fresh(key: GrantKey, refused?: string): Promise<UpstreamTokens | undefined>
  /** Refreshes tokens in any state, and returns them. @throws {OAuthError} As `fresh`. */
  renew(key: GrantKey): Promise<UpstreamTokens | undefined>
  /**
   * Prepares a grant for a refresh by its client. Refreshes the provider's tokens if needed, asks the provider about the
   * user once per `revalidate`, and lets `allow` judge the user again.
   *
   * @param grant The grant as it was just read.
   * @returns `true` if the record may have changed.
   * @throws {OAuthError} As `fresh`. `invalid_grant` also for a user who is no longer allowed; the grant has then ended.
   */
  prepare(key: GrantKey, grant: Grant): Promise<boolean>
}

const GRANTS = 10_000

export function createConnections(
  ports: RefreshPorts &
    Omit<RecheckPorts, 'refresh' | 'hasFailedRecently'> & {
      /** `true` if the runtime drops work that outlives its request. */
      readonly isBound: () => boolean
      readonly keepAlive?: KeepAlive | undefined
    },
): Connections {
  const { grants, upstreams, now, isBound, keepAlive } = ports
  const refresh = createRefreshTokens(ports)
  const flights = createSingleFlight<Refreshed | undefined>({ keepAlive, longest: () => ms.refreshLongest })
  /** The times at which refreshes began, in milliseconds of the process. */
  const began = createBoundedMap<string, number>({ entries: GRANTS })
  /** The times of failed refreshes, in milliseconds of the process. */
  const failed = createBoundedMap<string, number>({ entries: GRANTS })

  /** Shares a refresh between concurrent callers. It belongs to the runtime, from its request to the write. */
  function fly(key: GrantKey, demand: Demand): { done: Promise<Refreshed | undefined>; since: number } {
    const name = recordKey(key)
    if (!flights.has(name)) began.set(name, performance.now())
    const done = flights.join(name, () =>
      refresh(key, demand).then(
        (refreshed) => {
          if (refreshed?.hasFailed) failed.set(name, performance.now())
          return refreshed
        },
        (error: unknown) => {
          failed.set(name, performance.now())
          throw error
        },
      ),
    )
    return { done, since: began.get(name) ?? performance.now() }
  }

  /** Waits for a refresh, for a limited time. The refresh itself goes on. */
  const wait = (key: GrantKey, demand: Demand): Promise<Refreshed | undefined> =>
    within(fly(key, demand).done, ms.refreshWait + ms.refreshMargin)

  const hasFailedRecently = (key: GrantKey): boolean =>
    performance.now() - (failed.get(recordKey(key)) ?? Number.NEGATIVE_INFINITY) < ms.refreshPause

  /** Refreshes tokens that still work. A provider that takes long, or failed recently, delays no request. */
  async function refreshAhead(
    key: GrantKey,
    grant: Grant,
    tokens: UpstreamTokens,
  ): Promise<UpstreamTokens | undefined> {
    if (tokens.refreshToken === undefined || hasFailedRecently(key)) return tokens
    // If a refresh ends the old access token, that one must not be used meanwhile.
    const endsOld = upstreams.find(providerOf(grant))?.refreshKillsAccess
    if (endsOld || isBound()) return (await wait(key, {}))?.tokens
    const { done, since } = fly(key, {})
    const left = ms.refreshGlance - (performance.now() - since)
    return within(done, left)
      .then((exchanged) => exchanged?.tokens)
      .catch((error: unknown) => {
        if (isTooSlow(error)) return tokens
        throw error
      })
  }

  return {
    prepare: createRecheck({ ...ports, refresh: wait, hasFailedRecently }),
    renew: async (key) => (await wait(key, { confirms: () => true }))?.tokens,
    async fresh(key, refused) {
      if (refused !== undefined && flights.has(recordKey(key))) await wait(key, {}).catch(() => undefined)
      // A refused token may have been replaced since this instance last read the record.
      const grant = refused === undefined ? (await grants.live(key)).grant : await grants.load(key)
      if (!grant) throw signInEnded({ reason: 'grant-not-found' })
      const tokens = grants.tokensOf(key, grant)
      if (!tokens) return undefined
      if (tokens.accessToken === refused) {
        if (ageOf(tokens.obtainedAt ?? 0, now()) < seconds.tokenYoung) throw freshTokenRefused()
        return (await wait(key, { refused }))?.tokens
      }
      const state = stateOfGrant(key, tokens, now())
      if (state === 'fresh') return tokens
      return state === 'stale' ? refreshAhead(key, grant, tokens) : (await wait(key, {}))?.tokens
    },
  }
}

/** @throws {OAuthError} `temporarily_unavailable` if the work takes longer. */
async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow('refresh-slow')), Math.max(0, milliseconds))
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

const freshTokenRefused = () =>
  new OAuthError('bad_gateway', 'The MCP server refuses a provider token that was issued recently', {
    reason: 'fresh-provider-token-refused',
  })
