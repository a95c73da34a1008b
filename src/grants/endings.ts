import { createBoundedMap } from '../bounded-map.ts'
import type { Clock, Store, Versioned } from '../ports.ts'

/*
 * An eventually consistent store returns what was there up to a minute ago, and cannot compare and set. A place that has not
 * seen an ending yet would write the record again, and with it what had ended. Endings are therefore separate records,
 * which no place overwrites with older ones:
 *
 *   ended:<user>:<id>        the record has ended, even if its own key has a value
 *   ended-approval:<user>:<id>  the same for a remembered approval
 *   floor:<user>:<id>        access tokens below an epoch are revoked, and scopes are withdrawn
 *   used:<id>:<generation>   a code (generation 0) or a refresh token was used
 *
 * Each is seen everywhere once the store's staleness has passed. Reads combine them with the record, so that a record that
 * was written from an old read revives nothing.
 */

/** The members of a grant's record that endings are about. The record itself is `record.ts`'s. */
interface Ending {
  readonly epoch: number
  readonly scope: readonly string[]
  readonly generation: number
  readonly rotatedAt: number
}

type Floor = Pick<Ending, 'epoch' | 'scope'>

/** Seconds: a used token of a client is recognised for as long. By then its client has used a later one. */
const USED = 7 * 86_400
/** Keys of this process whose endings are known before the store shows them. */
const LIMIT = 10_000

const GRANT = /^grant:([\w-]+):([\w-]+)$/
const CLIENT = /^client:([\w-]+)$/
const APPROVAL = /^approval:([\w-]+):([\w-]+)$/

/** Returns the key of the record that ends another one, if that one can end. */
function endedKey(key: string): string | undefined {
  const [, user, id] = GRANT.exec(key) ?? []
  if (user) return `ended:${user}:${id}`
  const [, client] = CLIENT.exec(key) ?? []
  if (client) return `ended:client:${client}`
  return APPROVAL.test(key) ? `ended-${key}` : undefined
}

/**
 * Keeps endings on an eventually consistent store. Any other store is returned as it is.
 *
 * @param ports.lifetime Seconds that a record may live after its last change, and the tokens that it issued.
 */
export function withEndings(store: Store, ports: { now: Clock; lifetime: number }): Store {
  if (store.consistency !== 'eventual') return store
  const { now } = ports
  const { staleness = 60 } = store
  // A place that does not see the ending yet may still prolong the record.
  const lasting = ports.lifetime + 2 * staleness + 86_400
  /** The endings that this process knows, and that the store may not show yet. */
  const ended = createBoundedMap<string, true>({ entries: LIMIT })
  const used = createBoundedMap<string, { generation: number; rotatedAt: number }>({ entries: LIMIT })

  async function get(key: string): Promise<Versioned | undefined> {
    const ending = endedKey(key)
    if (ending === undefined) return store.get(key)
    if (ended.has(key)) return undefined
    const isGrant = GRANT.test(key)
    const [found, over, floor] = await Promise.all([
      store.get(key),
      store.get(ending),
      isGrant ? store.get(floorKey(key)) : undefined,
    ])
    if (over) ended.set(key, true)
    if (over || !found) return undefined
    return isGrant ? combine(key, found, floor?.value as Floor | undefined) : found
  }

  /** Applies what has ended to a record. Its version then names the state that a change begins with. */
  function combine(key: string, { value, version }: Versioned, floor: Floor | undefined): Versioned {
    if (!isEnding(value)) return { value, version: toVersion(version, { epoch: 0, generation: 0 }) }
    const known = used.get(key)
    const later = known && known.generation > value.generation ? known : undefined
    const record = {
      ...value,
      ...later,
      ...(floor && {
        epoch: Math.max(value.epoch, floor.epoch),
        scope: value.scope.filter((one) => floor.scope.includes(one)),
      }),
    }
    return { value: record, version: toVersion(version, record) }
  }

  async function swap(
    key: string,
    version: string | undefined,
    value: unknown,
    ttl: number,
  ): Promise<boolean> {
    if (version === undefined || !GRANT.test(key) || !isEnding(value))
      return store.swap(key, version, value, ttl)
    const before = fromVersion(version)
    const spent = value.generation > before.generation ? usedKey(key, value.generation - 1) : undefined
    if (spent !== undefined) {
      const earlier = await store.get(spent)
      if (earlier) {
        // Another place used the token. The caller judges the record again, as it is after that use.
        used.set(key, { generation: value.generation, rotatedAt: (earlier.value as { at: number }).at })
        return false
      }
    }
    if (value.epoch > before.epoch) {
      await store.set(floorKey(key), { epoch: value.epoch, scope: value.scope } satisfies Floor, lasting)
    }
    if (!(await store.swap(key, before.version, value, ttl))) return false
    if (spent !== undefined) {
      used.set(key, { generation: value.generation, rotatedAt: value.rotatedAt })
      await store.set(spent, { at: value.rotatedAt }, USED)
    }
    return true
  }

  return {
    ...store,
    get,
    getMany: async (keys) => Promise.all(keys.map(get)),
    swap,
    async delete(key) {
      const ending = endedKey(key)
      if (ending !== undefined) {
        await store.set(ending, { at: now() }, lasting)
        ended.set(key, true)
      }
      await store.delete(key)
    },
  }
}

const floorKey = (key: string): string => key.replace('grant:', 'floor:')
const usedKey = (key: string, generation: number): string => `used:${GRANT.exec(key)![2]}:${generation}`

const isEnding = (value: unknown): value is Ending => {
  const { epoch, scope, generation, rotatedAt } = (value ?? {}) as Partial<Ending>
  return [epoch, generation, rotatedAt].every(Number.isFinite) && Array.isArray(scope)
}

/** A version with the state that was read, so that a change tells what it raises. */
const toVersion = (version: string, { epoch, generation }: Pick<Ending, 'epoch' | 'generation'>): string =>
  `${epoch}.${generation}.${version}`

function fromVersion(text: string): { version: string; epoch: number; generation: number } {
  const [epoch, generation, ...rest] = text.split('.')
  return { version: rest.join('.'), epoch: Number(epoch), generation: Number(generation) }
}
