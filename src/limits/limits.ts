import { OAuthError } from '../errors.ts'
import { describeError, type Emit } from '../events/event.ts'
import { withTimeout } from '../http/timeout.ts'
import type { Limits as LimitSettings } from '../options/limits.ts'
import type { Clock, RateRule, Taken } from '../ports.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { ms, seconds } from '../timing.ts'
import { createRecent, createTokenBuckets } from './token-buckets.ts'

/** Whether a request may go on: throws, or rejects, where it may not. At once with the limiter in memory. */
type Check = void | Promise<void>

/** Counts requests. Each of these throws {@link OAuthError} `too_many_requests`. */
export interface Limits {
  /** A request that anybody may send. Nothing where the address is unknown: one bucket for all would let one shut out all. */
  stranger(address: string | undefined): Check
  /** A request that names this client, before its secret is looked at. */
  client(id: string, address: string | undefined): Check
  /** A request of this user's, by whichever of their clients. */
  user(user: string): Check
  /** A client's request failed: too many, and {@link Limits.client} lets no more in. */
  clientFailed(id: string, address: string | undefined, error: OAuthError): Check
  /** A bearer token was none. Good ones of the same address go on. */
  tokenFailed(address: string | undefined): Check
}

const tooMany = (retryAfter: number, reason: ReasonCode) =>
  new OAuthError('too_many_requests', 'There were too many requests, try again later', { reason, retryAfter })

const UNLIMITED: Limits = {
  stranger() {},
  client() {},
  user() {},
  clientFailed() {},
  tokenFailed() {},
}

export function createLimits(
  settings: LimitSettings,
  ports: { now: Clock; emit: Emit; issuer: string },
): Limits {
  if (settings === false) return UNLIMITED
  const { now, emit, issuer } = ports
  const limiter = settings.limiter?.forIssuer?.(issuer) ?? settings.limiter
  const memory = createTokenBuckets(now)
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
  }
  /** Until when a client that failed too often is not heard. */
  const shut = createRecent<number>()

  function take(key: string, rule: RateRule): Taken | Promise<Taken> {
    const inMemory = () => memory.take(key, rule) as Taken
    if (!limiter) return inMemory()
    const asked = (async () => limiter.take(key, rule))()
    return withTimeout(
      asked.then((taken) => taken ?? inMemory()),
      ms.limiter,
    ).catch((error: unknown) => {
      emit({ type: 'failed', reason: 'limiter-failed', error: describeError(error) })
      return inMemory()
    })
  }

  function check(key: string, rule: RateRule, reason: ReasonCode): Check {
    const judge = ({ allowed, retryAfter }: Taken) => {
      if (!allowed) throw tooMany(retryAfter, reason)
    }
    const taken = take(key, rule)
    return taken instanceof Promise ? taken.then(judge) : judge(taken)
  }

  const failureKey = (id: string, address: string | undefined) => `failures:${address ?? ''}:${id}`

  return {
    stranger(address) {
      if (address !== undefined) return check(`address:${address}`, rules.address, 'limit-address')
    },
    client(id, address) {
      const left = (shut.get(failureKey(id, address)) ?? 0) - now()
      // More than ever was set: the clock was set back.
      if (left > 0 && left <= seconds.limitWindow) throw tooMany(left, 'limit-failures')
      // Many share a client by its public name: without an address one of them could shut out all others.
      if (address !== undefined) return check(`client:${address}:${id}`, rules.client, 'limit-client')
    },
    user: (user) => check(`user:${user}`, rules.user, 'limit-user'),
    async clientFailed(id, address, error) {
      // Codes and tokens cannot be guessed; a secret that people chose perhaps can.
      if (error.code !== 'invalid_client' && (error.code !== 'invalid_grant' || address === undefined)) return
      const key = failureKey(id, address)
      const { allowed, retryAfter } = await take(key, rules.failures)
      if (allowed) return
      shut.set(key, now() + Math.min(retryAfter, seconds.limitWindow))
      throw tooMany(retryAfter, 'limit-failures')
    },
    tokenFailed(address) {
      if (address === undefined) return
      // Tokens that are merely over come too, from hosted clients many by one address.
      return check(`tokens:${address}`, rules.address, 'limit-tokens')
    },
  }
}
