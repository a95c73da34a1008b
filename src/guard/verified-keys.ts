import { createBoundedMap } from '../bounded-map.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Resource } from '../options/options.ts'
import type { Clock, KeepAlive } from '../ports.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'
import type { Admission } from './admission.ts'
import { admissionSize, MAX_ADMISSION_BYTES } from './admission-size.ts'

/** The owner of a key. */
export type ShownKey = Omit<Admission, 'grant' | 'expiresAt' | 'stands'>

/** Asks about a key. Throws if that fails for now, and returns `undefined` for a key that is not valid. */
export type AskAboutKey = (token: string, resource: Resource) => Promise<ShownKey | undefined>

interface Kept {
  readonly shown: ShownKey | undefined
  /** Seconds since the epoch. */
  readonly until: number
}

/** Results of each kind that are kept, so that random keys do not evict valid ones. */
const LIMIT = 10_000
/** Unknown keys in a minute, for all callers together. Keys that are being asked about count. */
const GUESSES = 60

/**
 * Asks about each key at each server once per `ttl` seconds, however many requests carry it. All callers share one limit
 * for unknown keys; keys with a kept result pass it. Keeps only the digest of a key.
 */
export function createVerifiedKeys(
  ask: AskAboutKey,
  { now, ttl, keepAlive }: { now: Clock; ttl: number; keepAlive?: KeepAlive | undefined },
): AskAboutKey {
  const good = createBoundedMap<string, Kept>({
    entries: LIMIT,
    bytes: { limit: MAX_ADMISSION_BYTES, of: (_id, { shown }) => (shown ? admissionSize(shown) : 0) },
  })
  const bad = createBoundedMap<string, Kept>({ entries: LIMIT })
  const asking = createSingleFlight<ShownKey | undefined>({
    keepAlive,
    longest: () => ms.hook + ms.singleFlight,
  })
  let minute = { began: now(), failed: 0 }

  function assertSlow(): void {
    if (now() - minute.began >= 60) minute = { began: now(), failed: 0 }
    if (minute.failed + asking.size < GUESSES) return
    throw new OAuthError('temporarily_unavailable', 'Too many unknown keys, try again later', {
      reason: 'too-many-unknown-keys',
      retryAfter: Math.max(1, minute.began + 60 - now()),
    })
  }

  function keep(id: string, shown: ShownKey | undefined): ShownKey | undefined {
    if (!shown) minute.failed++
    const kept = shown ? good : bad
    kept.set(id, { shown, until: now() + (shown ? ttl : seconds.unknownKey) })
    return shown
  }

  return async (token, resource) => {
    const id = digest(`${resource.id}\n${token}`)
    const kept = good.get(id) ?? bad.get(id)
    if (kept && kept.until > now()) return kept.shown
    good.delete(id)
    bad.delete(id)
    if (!asking.has(id)) assertSlow()
    return asking.join(id, async () => {
      try {
        return keep(id, await ask(token, resource))
      } catch (error) {
        // A refusal is a guess like any other. It is not kept: the operator's code may decide differently next time.
        if (error instanceof OAuthError && error.status < 500) minute.failed++
        throw error
      }
    })
  }
}
