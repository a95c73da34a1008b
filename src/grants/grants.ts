import type { Sealer } from '../crypto/seal.ts'
import { OAuthError } from '../errors.ts'
import type { Clock, Identity, Store, UpstreamTokens } from '../ports.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { ms, seconds } from '../timing.ts'
import type { Decision, Grant } from './grant.ts'
import { EVERY_GRANT, type GrantKey, parseRecordKey, recordKey, userPrefix } from './grant-key.ts'
import { createLiveGrants, type LiveGrant } from './live-grants.ts'

/** How a change ended: with a result, or with the grant's end. */
export type Outcome<T> =
  | { readonly type: 'done'; readonly result: T }
  | { readonly type: 'missing' }
  | {
      readonly type: 'ended'
      readonly grant: Grant
      readonly reason: ReasonCode
      readonly error?: OAuthError
    }

/** The grants of a store: every change is one compare-and-set on one record. */
export interface Grants {
  /** What a change of these records guarantees. */
  readonly consistency: Store['consistency']
  create(key: GrantKey, grant: Grant): Promise<void>
  /** The record as it is in the store now. */
  load(key: GrantKey): Promise<Grant | undefined>
  /** The record as it was at most `revocationLag` seconds ago, if the process knows it that fresh. */
  recent(key: GrantKey): LiveGrant | undefined
  /** The record as it was at most `revocationLag` seconds ago; reads it where need be, once under concurrency. */
  live(key: GrantKey): Promise<LiveGrant>
  /** Lets `decide` judge the record, and judge anew whenever somebody else changed it meanwhile. */
  change<T>(key: GrantKey, decide: (grant: Grant) => Decision<T>): Promise<Outcome<T>>
  /** Registers a function that is called after this process changed or ended a grant. */
  onChange(listener: (key: GrantKey) => void): void
  /** Ends a grant. @returns What it was. */
  end(key: GrantKey): Promise<Grant | undefined>
  /** Those of one user, or all there are. Reads each when it is asked for. */
  list(user?: string): AsyncIterable<{ key: GrantKey; grant: Grant }>
  sealIdentity(key: GrantKey, identity: Identity): string
  openIdentity(key: GrantKey, grant: Grant): Identity
  sealTokens(key: GrantKey, tokens: UpstreamTokens): string
  openTokens(key: GrantKey, grant: Grant): UpstreamTokens
}

const ATTEMPTS = 30

const pause = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time))

export function createGrants(ports: {
  store: Store
  sealer: Sealer
  now: Clock
  revocationLag: number
}): Grants {
  const { store, sealer, now } = ports
  const live = createLiveGrants(now, ports.revocationLag, (key) => load(key))
  const listeners: ((key: GrantKey) => void)[] = []

  /** Tells the guard and the listeners what this process wrote. */
  function put(key: GrantKey, grant: Grant | undefined): void {
    live.put(key, grant)
    for (const listener of listeners) listener(key)
  }

  async function read(key: GrantKey): Promise<{ grant: Grant; version: string } | undefined> {
    const found = await store.get(recordKey(key))
    if (!found) return undefined
    const grant = found.value as Grant | null
    // Neither absent nor known: an instance of another version wrote it, and will understand it.
    if (grant?.format !== 1) {
      throw new OAuthError('temporarily_unavailable', 'The server cannot read what it stored, try again', {
        reason: 'record-of-another-version',
        retryAfter: seconds.retryLater,
      })
    }
    if (grant.expiresAt <= now()) return undefined
    return { grant, version: found.version }
  }

  async function load(key: GrantKey): Promise<Grant | undefined> {
    return (await read(key))?.grant
  }

  async function readPatiently(key: GrantKey): ReturnType<typeof read> {
    let found = await read(key)
    if (store.consistency !== 'eventual') return found
    for (const time of ms.eventualRead) {
      if (found) break
      await pause(time)
      found = await read(key)
    }
    return found
  }

  const sealPart = (place: 'identity' | 'tokens', key: GrantKey, value: unknown): string =>
    sealer.seal('grant', `${place}\n${recordKey(key)}`, value)

  const open = (place: 'identity' | 'tokens', key: GrantKey, sealed: string): unknown => {
    const value = sealer.open('grant', `${place}\n${recordKey(key)}`, sealed)
    if (value === undefined) {
      throw new OAuthError('invalid_grant', 'The grant cannot be used any more', {
        reason: 'record-unreadable',
        detail: place,
      })
    }
    return value
  }

  /** Whatever is written moves to the current secret, so that a previous one can be dropped in time. */
  function reseal(key: GrantKey, grant: Grant): Grant {
    const renew = (place: 'identity' | 'tokens', sealed: string) =>
      sealer.isCurrent(sealed) ? sealed : sealPart(place, key, open(place, key, sealed))
    return {
      ...grant,
      identity: renew('identity', grant.identity),
      upstream: renew('tokens', grant.upstream),
    }
  }

  return {
    consistency: store.consistency,
    load,
    recent: live.recent,
    live: live.read,
    onChange(listener) {
      listeners.push(listener)
    },
    async create(key, grant) {
      await store.set(recordKey(key), grant, grant.expiresAt - now())
    },
    async change(key, decide) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = attempt === 0 ? await readPatiently(key) : await read(key)
        if (!found) {
          put(key, undefined)
          return { type: 'missing' }
        }
        const decision = decide(found.grant)
        if (decision.type === 'keep') return { type: 'done', result: decision.result }
        if (decision.type === 'end') {
          await store.delete(recordKey(key))
          put(key, undefined)
          return { type: 'ended', grant: found.grant, reason: decision.reason, ...errorOf(decision) }
        }
        const grant = reseal(key, decision.grant)
        const ttl = Math.max(1, grant.expiresAt - now())
        if (await store.swap(recordKey(key), found.version, grant, ttl)) {
          put(key, grant)
          return { type: 'done', result: decision.result }
        }
        // Lost a race: usually the winner left something to keep. Spread out whoever loses often.
        if (attempt > 1) await pause(Math.random() * 10 * attempt)
      }
      throw new OAuthError('temporarily_unavailable', 'The server is busy, try again', {
        reason: 'grant-busy',
        retryAfter: 1,
      })
    },
    async end(key) {
      const grant = await load(key)
      if (grant) await store.delete(recordKey(key))
      put(key, undefined)
      return grant
    },
    async *list(user) {
      for await (const name of store.keys(user === undefined ? EVERY_GRANT : userPrefix(user))) {
        const key = parseRecordKey(name)
        const grant = key && (await load(key))
        if (grant) yield { key, grant }
      }
    },
    sealIdentity: (key, identity) => sealPart('identity', key, identity),
    openIdentity: (key, grant) => open('identity', key, grant.identity) as Identity,
    sealTokens: (key, tokens) => sealPart('tokens', key, tokens),
    openTokens: (key, grant) => open('tokens', key, grant.upstream) as UpstreamTokens,
  }
}

const errorOf = ({ error }: { error?: OAuthError }): { error?: OAuthError } => (error ? { error } : {})
