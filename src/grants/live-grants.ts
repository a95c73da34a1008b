import { isWithin } from '../age.ts'
import { createBoundedMap } from '../bounded-map.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { Grant } from './grant.ts'
import { type GrantKey, recordKey } from './grant-key.ts'

/** A grant as this process last saw it. */
export interface LiveGrant {
  /** `undefined` once it has ended. */
  grant: Grant | undefined
  /** The time at which the last read or write began, by the clock of the process. A slow store shows what was there then. */
  checkedAt: number
}

/** Grants that the guard has seen, so that it reads each at most once per `lag` seconds. */
export interface LiveGrants {
  /** Returns a grant that was read recently enough. */
  recent(key: GrantKey): LiveGrant | undefined
  /** Returns a grant, and reads it if the last read was too long ago. Concurrent callers share one read. */
  read(key: GrantKey): Promise<LiveGrant>
  /** Takes over what this process has just written. @param since The time at which it began to write, by its clock. */
  put(key: GrantKey, grant: Grant | undefined, since: number): void
}

const LIMIT = 10_000
/** The size of all kept grants, in bytes. A grant of a user with many groups is large. */
const MAX_BYTES = 64 * 1024 * 1024

const sizeOf = (grant: Grant | undefined): number =>
  1000 +
  (grant?.identity.length ?? 0) +
  Object.values(grant?.connections ?? {}).reduce((sum, { sealed }) => sum + sealed.length, 0)

/**
 * @param uptime A clock that is never set back.
 * @param lag Seconds.
 */
export function createLiveGrants(
  uptime: Clock,
  lag: number,
  load: (key: GrantKey) => Promise<Grant | undefined>,
  keepAlive?: KeepAlive,
): LiveGrants {
  const known = createBoundedMap<string, LiveGrant>({
    entries: LIMIT,
    bytes: { limit: MAX_BYTES, of: (_, { grant }) => sizeOf(grant) },
    // Marks an evicted entry as stale, so that a holder reads the grant again.
    onDrop: (_, entry) => {
      entry.checkedAt = Number.NEGATIVE_INFINITY
    },
  })
  const reads = createSingleFlight<LiveGrant>({ keepAlive })
  /** The number of writes of this process, and its value at the last write of a grant under way. */
  let writes = 0
  const written = createBoundedMap<string, number>({ entries: LIMIT })

  function recent(key: GrantKey): LiveGrant | undefined {
    const entry = known.get(recordKey(key))
    return entry && isWithin(entry.checkedAt, uptime(), lag) ? entry : undefined
  }

  /** Changes an entry in place, because the guard holds it. */
  function remember(name: string, grant: Grant | undefined, since: number): LiveGrant {
    const entry = known.get(name) ?? { grant, checkedAt: 0 }
    entry.grant = grant
    entry.checkedAt = since
    known.set(name, entry)
    return entry
  }

  async function readOnce(key: GrantKey, name: string): Promise<LiveGrant> {
    const [began, since] = [writes, uptime()]
    const grant = await load(key)
    const entry = known.get(name)
    // A write of this process meanwhile is newer than what it read.
    return entry && (written.get(name) ?? 0) > began ? entry : remember(name, grant, since)
  }

  return {
    recent,
    read(key) {
      const entry = recent(key)
      if (entry) return Promise.resolve(entry)
      const name = recordKey(key)
      return reads.join(name, () => readOnce(key, name))
    },
    put(key, grant, since) {
      const name = recordKey(key)
      // Only grants that the guard knows: a flood of random ones must not push those out.
      if (!reads.has(name) && !known.has(name)) return
      written.set(name, ++writes)
      reads.drop(name)
      remember(name, grant, since)
    },
  }
}
