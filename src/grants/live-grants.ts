import { createBoundedMap } from '../bounded-map.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { Grant } from './grant.ts'
import { type GrantKey, recordKey } from './grant-key.ts'

/** A grant as this process last saw it. */
export interface LiveGrant {
  /** `undefined` once it has ended. */
  grant: Grant | undefined
  /** Seconds since the epoch. */
  checkedAt: number
}

/** Grants the guard has seen, so that it reads each at most once per `lag` seconds. */
export interface LiveGrants {
  /** What is known of a grant, if that is fresh enough. */
  recent(key: GrantKey): LiveGrant | undefined
  /** What is known of a grant; reads it where that is too old. Callers at the same moment share one read. */
  read(key: GrantKey): Promise<LiveGrant>
  /** Tells what this process itself has just written. */
  put(key: GrantKey, grant: Grant | undefined): void
}

const LIMIT = 10_000
/** The size of all kept grants, in bytes. A grant of a user with many groups is large. */
const MAX_BYTES = 64 * 1024 * 1024

const sizeOf = (grant: Grant | undefined): number =>
  1000 +
  (grant?.identity.length ?? 0) +
  Object.values(grant?.connections ?? {}).reduce((sum, { sealed }) => sum + sealed.length, 0)

/** @param lag Seconds. */
export function createLiveGrants(
  now: Clock,
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
  /** Counts the writes of this process, so that a read that is older than one is not remembered. */
  let written = 0
  const writtenAt = createBoundedMap<string, number>({ entries: LIMIT })

  function recent(key: GrantKey): LiveGrant | undefined {
    const entry = known.get(recordKey(key))
    return entry && now() - entry.checkedAt < lag ? entry : undefined
  }

  /** Changes an entry in place: the guard holds on to it. */
  function remember(name: string, grant: Grant | undefined): LiveGrant {
    const entry = known.get(name) ?? { grant, checkedAt: 0 }
    entry.grant = grant
    entry.checkedAt = now()
    known.set(name, entry)
    return entry
  }

  return {
    recent,
    read(key) {
      const entry = recent(key)
      if (entry) return Promise.resolve(entry)
      const name = recordKey(key)
      return reads.join(name, async () => {
        const began = written
        const grant = await load(key)
        // What this process wrote meanwhile is newer than what it read.
        const newer = writtenAt.get(name) ?? 0
        return newer > began ? (known.get(name) ?? remember(name, grant)) : remember(name, grant)
      })
    },
    put(key, grant) {
      const name = recordKey(key)
      // Only what the guard asks about: a flood of made-up grants must not push those out.
      if (!reads.has(name) && !known.has(name)) return
      reads.drop(name)
      writtenAt.set(name, ++written)
      remember(name, grant)
    },
  }
}
