import type { Sealer } from '../crypto/seal.ts'
import type { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import {
  type Clock,
  type Identity,
  type KeepAlive,
  type Store,
  UnreadableRecord,
  type UpstreamTokens,
} from '../ports.ts'
import type { AuthMethod } from '../protocol/client-metadata.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { busy } from '../refusals.ts'
import { ms } from '../timing.ts'
import type { Decision, Grant, Origin } from './grant.ts'
import { EVERY_GRANT, type GrantKey, parseRecordKey, recordKey, userPrefix } from './grant-key.ts'
import { createLiveGrants, type LiveGrant } from './live-grants.ts'
import { readAll } from './read-all.ts'
import { encodeGrant } from './record.ts'
import { createRecords, type FoundGrant, type Records } from './records.ts'
import { createSealedParts, type SealedParts } from './sealed-parts.ts'

/** The outcome of a change: a result, or the grant's end. */
export type Outcome<T> =
  | { readonly type: 'done'; readonly result: T }
  | { readonly type: 'missing' }
  | {
      readonly type: 'ended'
      readonly grant: Grant
      readonly reason: ReasonCode
      readonly error?: OAuthError
    }

/** The content of a new grant. */
export interface NewGrant {
  readonly key: GrantKey
  readonly origin: Origin
  readonly client: {
    readonly key: string
    readonly name: string
    readonly authMethods?: readonly AuthMethod[]
    readonly refreshes: boolean
  }
  /** The host or scheme that the code is sent to. */
  readonly target?: string
  readonly resource: string
  readonly scope: readonly string[]
  readonly identity: Identity
  /** The tokens of the provider that the user signed in at. */
  readonly tokens?: UpstreamTokens | undefined
  /** Seconds since the epoch. */
  readonly expiresAt: number
  /** Seconds since the epoch. */
  readonly endsAt?: number | undefined
}

/** A grant that has ended. */
export interface EndedGrant {
  /** Absent if its record could not be read. */
  readonly grant: Grant | undefined
}

/** The grants of a store. Every change is one compare-and-set on one record. */
export interface Grants
  extends Pick<SealedParts, 'identityOf' | 'readableIdentity' | 'tokensOf' | 'withIdentity' | 'withTokens'>,
    Pick<Records, 'hasUnknownSecret'> {
  /** The guarantee of a change of these records. */
  readonly consistency: Store['consistency']
  /** Makes and writes a grant. No other function makes a record. */
  issue(about: NewGrant): Promise<Grant>
  /** Reads the record from the store. */
  load(key: GrantKey): Promise<Grant | undefined>
  /** Reads the record for a change. Waits for a record that an eventually consistent store does not show yet. */
  find(key: GrantKey): Promise<FoundGrant | undefined>
  /** Returns the record as it was at most `revocationLag` seconds ago, if this process knows it. */
  recent(key: GrantKey): LiveGrant | undefined
  /** Returns the record as it was at most `revocationLag` seconds ago. Concurrent callers share one read. */
  live(key: GrantKey): Promise<LiveGrant>
  /**
   * Lets `decide` judge the record, and judge it again after each change by another caller.
   *
   * @param seen The record, if it was just read.
   */
  change<T>(key: GrantKey, decide: (grant: Grant) => Decision<T>, seen?: FoundGrant): Promise<Outcome<T>>
  /** Registers a function that is called after this process changed or ended a grant. */
  onChange(listener: (key: GrantKey) => void): void
  /**
   * Ends a grant, also one that cannot be read.
   *
   * @returns The former grant, or `undefined` if there was none.
   */
  end(key: GrantKey): Promise<EndedGrant | undefined>
  /**
   * Lists the grants of one user, or all. Reads records when the caller gets to them. A record that cannot be read is
   * skipped, and named in an event.
   */
  list(user?: string): AsyncIterable<{ key: GrantKey; grant: Grant }>
}

const ATTEMPTS = 30

const pause = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time))

export function createGrants(ports: {
  store: Store
  sealer: Sealer
  now: Clock
  /** A clock that is never set back, for ages within this process. */
  uptime: Clock
  revocationLag: number
  /** The deployment, which every new grant names. */
  issuer: string
  emit: Emit
  keepAlive?: KeepAlive | undefined
}): Grants {
  const { store, sealer, now, uptime } = ports
  const live = createLiveGrants(uptime, ports.revocationLag, (key) => load(key), ports.keepAlive)
  const records = createRecords(ports)
  const listeners: ((key: GrantKey) => void)[] = []

  /** Tells the guard and the listeners what this process wrote. */
  function put(key: GrantKey, grant: Grant | undefined, since: number): void {
    live.put(key, grant, since)
    for (const listener of listeners) listener(key)
  }
  const parts = createSealedParts(sealer)

  const load = async (key: GrantKey): Promise<Grant | undefined> => (await records.read(key))?.grant

  async function find(key: GrantKey): Promise<FoundGrant | undefined> {
    let found = await records.read(key)
    if (store.consistency !== 'eventual') return found
    // The store does not show a record at once that was written elsewhere.
    for (const time of ms.eventualRead) {
      if (found) break
      await pause(time)
      found = await records.read(key)
    }
    return found
  }

  const encode = (key: GrantKey, grant: Grant) => encodeGrant(grant, () => parts.sealNoTokens(key))

  return {
    consistency: store.consistency,
    identityOf: parts.identityOf,
    readableIdentity: parts.readableIdentity,
    tokensOf: parts.tokensOf,
    withIdentity: parts.withIdentity,
    withTokens: parts.withTokens,
    hasUnknownSecret: records.hasUnknownSecret,
    load,
    find,
    recent: live.recent,
    live: live.read,
    onChange(listener) {
      listeners.push(listener)
    },
    async issue({ key, origin, client, tokens, identity, endsAt, ...rest }) {
      const createdAt = now()
      const bare: Grant = {
        ...rest,
        client: client.key,
        clientName: client.name,
        ...(client.authMethods && { clientAuth: client.authMethods }),
        issuer: ports.issuer,
        refreshes: client.refreshes,
        createdAt,
        ...(endsAt !== undefined && { endsAt }),
        origin,
        generation: origin.type === 'sign-in' ? 0 : 1,
        rotatedAt: createdAt,
        epoch: 0,
        identity: parts.sealIdentity(key, identity),
        connections: {},
      }
      const grant = tokens ? parts.withTokens(key, bare, tokens) : bare
      await store.set(recordKey(key), encode(key, grant), grant.expiresAt - createdAt)
      return grant
    },
    async change(key, decide, seen) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const since = uptime()
        const found = attempt === 0 ? (seen ?? (await find(key))) : await records.read(key)
        if (!found) {
          put(key, undefined, uptime())
          return { type: 'missing' }
        }
        const decision = decide(found.grant)
        if (decision.type === 'keep') return { type: 'done', result: decision.result }
        if (decision.type === 'end') {
          await store.delete(recordKey(key))
          put(key, undefined, uptime())
          return { type: 'ended', grant: found.grant, reason: decision.reason, ...errorOf(decision) }
        }
        const grant = parts.reseal(key, decision.grant)
        const ttl = Math.max(1, grant.expiresAt - now())
        if (await store.swap(recordKey(key), found.version, encode(key, grant), ttl)) {
          put(key, grant, since)
          return { type: 'done', result: decision.result }
        }
        // Another caller won. Usually its change leaves something to keep. Spread out callers that lose often.
        if (attempt > 1) await pause(Math.random() * 10 * attempt)
      }
      throw busy('grant-busy')
    },
    async end(key) {
      const found = await store.get(recordKey(key)).catch(orUnreadable)
      const grant = found && records.open(key, found)
      // An eventually consistent store may show the record later.
      if (found || store.consistency === 'eventual') await store.delete(recordKey(key))
      put(key, undefined, uptime())
      return grant && { grant: grant === 'unreadable' ? undefined : grant }
    },
    async *list(user) {
      const prefix = user === undefined ? EVERY_GRANT : userPrefix(user)
      for await (const { name, found } of readAll(store, prefix)) {
        const key = parseRecordKey(name)
        const grant = key && records.open(key, found)
        if (key && grant && grant !== 'unreadable') yield { key, grant }
      }
    },
  }
}

function orUnreadable(cause: unknown): UnreadableRecord {
  if (cause instanceof UnreadableRecord) return cause
  throw cause
}

const errorOf = ({ error }: { error?: OAuthError }): { error?: OAuthError } => (error ? { error } : {})
