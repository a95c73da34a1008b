import { OAuthError } from '../errors.ts'
import { describeError } from '../events/describe-error.ts'
import type { Emit } from '../events/event.ts'
import { withTimeout } from '../http/timeout.ts'
import type { Limits as LimitSettings } from '../options/limits.ts'
import type { Clock, RateRule, Taken } from '../ports.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { ms, seconds } from '../timing.ts'
import { createRecent, createTokenBuckets, type Recent } from './token-buckets.ts'

/** Throws or rejects if a request must not go on. Returns at once with the limiter in memory. */
type Check = void | Promise<void>

/** A request to the token or revocation endpoint, which claims to come from a client. */
export interface Claim {
  /** Digest of the claimed client id. */
  readonly client: string
  /** The address that the request came from. Absent if the runtime does not say. */
  readonly address: string | undefined
  /** Half as many failures are accepted: a machine signs what it sends, and makes no mistakes. */
  readonly isStrict?: boolean
}

/** Counts requests. Every method throws {@link OAuthError} `too_many_requests`. */
export interface Limits {
  /**
   * Counts an unauthenticated request by address. Skipped if the address is unknown, because one caller could then lock
   * out all others.
   */
  stranger(address: string | undefined): Check
  /**
   * Refuses a claim before it is checked: if the client failed too often from this address, or if the address did, unless
   * the client has recently proven its identity.
   */
  claimed(claim: Claim): Check
  /** Counts a request of a client that has proven its identity. */
  proven(claim: Claim): Check
  /** Counts a refused request by address. A failed claim also counts by client, if there is such a client. */
  failed(claim: Claim, error: OAuthError, exists: boolean): Check
  /** Counts a request to revoke an unknown token, by address. It achieves nothing, so no client needs many. */
  tokenUnknown(address: string | undefined): Check
  /**
   * Counts requests of a user, from any client. One body may be worth several.
   *
   * @param before The requests that the same one was counted as already.
   * @param at The time by the clock that is never set back, if the caller has just read it.
   */
  user(user: string, requests?: number, before?: number, at?: number): Check
  /** Counts requests without a token, by address. One body may be worth several. */
  anonymous(address: string | undefined, requests: number, before: number): Check
  /** Counts an invalid bearer token by address. Valid tokens from the same address are not affected. */
  tokenFailed(address: string | undefined): Check
}

/** Requests that count together. */
interface Several {
  readonly rule: RateRule
  readonly reason: ReasonCode
  readonly requests: number
  /** The requests that the same one was counted as already. */
  readonly before: number
}

const tooMany = (retryAfter: number, reason: ReasonCode) =>
  new OAuthError('too_many_requests', 'There were too many requests, try again later', { reason, retryAfter })

function assertAllowed({ allowed, retryAfter }: Taken, reason: ReasonCode): void {
  if (!allowed) throw tooMany(retryAfter, reason)
}

const UNLIMITED: Limits = {
  stranger() {},
  claimed() {},
  proven() {},
  failed() {},
  tokenUnknown() {},
  user() {},
  anonymous() {},
  tokenFailed() {},
}

export function createLimits(
  settings: LimitSettings,
  ports: { uptime: Clock; emit: Emit; issuer: string },
): Limits {
  if (settings === false) return UNLIMITED
  const { uptime, emit, issuer } = ports
  const limiter = settings.limiter?.forIssuer?.(issuer) ?? settings.limiter
  const memory = createTokenBuckets(uptime)
  const rule = (name: RateRule['name']): RateRule => ({
    name,
    limit: settings[name],
    window: seconds.limitWindow,
  })
  const rules = {
    address: rule('address'),
    client: rule('client'),
    user: rule('user'),
    failures: rule('failures'),
    anonymous: rule('anonymous'),
  }
  /** The times until which claims are refused unchecked: of a client from an address, and of an address. */
  const shutClients = createRecent<number>()
  const shutAddresses = createRecent<number>()
  /** Clients that recently proved their identity. */
  const known = createRecent<true>()

  /** @param kind The part of a limiter's key before its first colon. */
  function take(kind: string, key: string, rule: RateRule, at?: number): Taken | Promise<Taken> {
    if (!limiter) return memory.take(kind, key, rule, at)
    const inMemory = () => memory.take(kind, key, rule)
    const asked = (async () => limiter.take(`${kind}:${key}`, rule))()
    return withTimeout(
      asked.then((taken) => taken ?? inMemory()),
      ms.limiter,
    ).catch((error: unknown) => {
      emit({ type: 'failed', reason: 'limiter-failed', error: describeError(error) })
      return inMemory()
    })
  }

  function check(kind: string, key: string, rule: RateRule, reason: ReasonCode, at?: number): Check {
    const taken = take(kind, key, rule, at)
    if (taken instanceof Promise) return taken.then((one) => assertAllowed(one, reason))
    assertAllowed(taken, reason)
  }

  /** Counts several requests, one after the other, until one is refused. */
  function checkAll(kind: string, key: string, { rule, reason, requests, before }: Several): Check {
    // So many never fit into a minute, so they are refused without counting.
    if (requests > 0 && requests + before > rule.limit) throw tooMany(seconds.limitWindow, reason)
    for (let left = requests; left > 0; left--) {
      const counted = check(kind, key, rule, reason)
      if (counted)
        return counted.then(() => checkAll(kind, key, { rule, reason, requests: left - 1, before: 0 }))
    }
  }

  /** Takes from a bucket, and remembers until when it is empty. */
  async function takeOrShut(
    [kind, key]: readonly [kind: string, key: string],
    rule: RateRule,
    shut: Recent<number>,
    reason: ReasonCode,
  ): Promise<void> {
    const { allowed, retryAfter } = await take(kind, key, rule)
    if (allowed) return
    shut.set(key, uptime() + Math.min(retryAfter, seconds.limitWindow))
    throw tooMany(retryAfter, reason)
  }

  function assertOpen(shut: Recent<number>, key: string, reason: ReasonCode): void {
    const left = (shut.get(key) ?? 0) - uptime()
    // More than was ever set: the clock was set back.
    if (left > 0 && left <= seconds.limitWindow) throw tooMany(left, reason)
  }

  const failuresOf = ({ isStrict }: Claim): RateRule =>
    isStrict ? { ...rules.failures, limit: Math.ceil(rules.failures.limit / 2) } : rules.failures
  const failureKey = ({ client, address = '' }: Claim) => `${address}:${client}`

  return {
    stranger(address) {
      if (address !== undefined) return check('address', address, rules.address, 'limit-address')
    },
    claimed(claim) {
      assertOpen(shutClients, failureKey(claim), 'limit-failures')
      if (claim.address === undefined || known.get(claim.client)) return
      assertOpen(shutAddresses, claim.address, 'limit-address')
    },
    proven({ client, address }) {
      known.set(client, true)
      // Many users share a client by its public name. Without an address one of them could lock out all others.
      if (address !== undefined) return check('client', `${address}:${client}`, rules.client, 'limit-client')
    },
    async failed(claim, { code, status }, exists) {
      // A failure of this server, or a limit, is not the caller's.
      if (status >= 500 || status === 429) return
      const { address } = claim
      const isGuess = code === 'invalid_client' || code === 'invalid_grant'
      // Codes and tokens cannot be guessed. A secret that a person chose can.
      if (isGuess && exists && (code === 'invalid_client' || address !== undefined)) {
        await takeOrShut(['failures', failureKey(claim)], failuresOf(claim), shutClients, 'limit-failures')
      }
      if (address === undefined) return
      await takeOrShut(['failing', address], rules.address, shutAddresses, 'limit-address')
    },
    tokenUnknown(address) {
      if (address !== undefined) return check('unknown', address, rules.address, 'limit-address')
    },
    anonymous(address, requests, before) {
      if (address === undefined) return
      const several = { rule: rules.anonymous, reason: 'limit-anonymous', requests, before } as const
      return checkAll('anonymous', address, several)
    },
    user(user, requests = 1, before = 0, at = uptime()) {
      if (requests === 1 && before === 0) return check('user', user, rules.user, 'limit-user', at)
      return checkAll('user', user, { rule: rules.user, reason: 'limit-user', requests, before })
    },
    tokenFailed(address) {
      if (address === undefined) return
      // Expired tokens count too, and hosted clients send many from one address.
      return check('tokens', address, rules.address, 'limit-tokens')
    },
  }
}
