import { createBoundedMap } from '../bounded-map.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Auth } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import type { Clock } from '../ports.ts'
import { seconds } from '../timing.ts'

/** Whose request it is that carries a key. */
export interface ShownKey {
  readonly auth: Auth
  readonly clientName: string
  readonly provider: string | undefined
}

/** Asks whose key this is. What it throws is trouble, not an answer. */
export type AskAboutKey = (token: string, resource: Resource) => Promise<ShownKey | undefined>

interface Kept {
  readonly shown: ShownKey | undefined
  readonly until: number
}

/** Each kind of answer that is kept, so that made-up keys push no good ones out. */
const LIMIT = 10_000
/** Keys in a minute that may turn out to be nobody's; those being asked about count until it is known. */
const GUESSES = 60

/**
 * Asks about each key at each server once per `ttl` seconds, however many requests carry it. Who guesses is slowed by
 * a limit that all share; keys whose answer is kept pass on. Of a key only its digest is kept here.
 */
export function createVerifiedKeys(ask: AskAboutKey, { now, ttl }: { now: Clock; ttl: number }): AskAboutKey {
  const good = createBoundedMap<string, Kept>({ entries: LIMIT })
  const bad = createBoundedMap<string, Kept>({ entries: LIMIT })
  const asking = new Map<string, Promise<ShownKey | undefined>>()
  let minute = { began: now(), failed: 0 }

  function assertSlow(): void {
    if (now() - minute.began >= 60) minute = { began: now(), failed: 0 }
    if (minute.failed + asking.size < GUESSES) return
    throw new OAuthError('temporarily_unavailable', 'Too many unknown keys, try again later', {
      reason: 'unknown-keys-flood',
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
    const before = asking.get(id)
    if (before) return before
    assertSlow()
    const answer = ask(token, resource)
      .then((shown) => keep(id, shown))
      .finally(() => asking.delete(id))
    asking.set(id, answer)
    return answer
  }
}
