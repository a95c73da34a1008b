import { createBoundedMap } from '../bounded-map.ts'
import { ms } from '../timing.ts'

/** The members that tell events about refused requests apart. */
interface About {
  readonly reason: string
  readonly endpoint?: string | undefined
  readonly client?: string | undefined
  readonly user?: string | undefined
  readonly resource?: string | undefined
}

interface Seen {
  /** By a clock that no operator sets, in milliseconds. */
  readonly since: number
  /** Equal events since then that were not reported. */
  held: number
}

/** Kinds of events that are told apart. */
const MOST = 1000

/**
 * Returns a function that lets the first of equal events through and holds the others back for a while. The next event
 * tells how many they were, so that a flood of requests does not become a flood of log lines.
 */
export function createGathering(): <E extends About>(
  event: E,
) => (E & { readonly count?: number }) | undefined {
  const seen = createBoundedMap<string, Seen>({ entries: MOST })
  return (event) => {
    const { reason, endpoint, client, user, resource } = event
    const key = JSON.stringify([reason, endpoint, client, user, resource])
    const before = seen.get(key)
    const now = performance.now()
    if (before && now - before.since < ms.eventWindow) {
      before.held++
      return undefined
    }
    seen.set(key, { since: now, held: 0 })
    return before && before.held > 0 ? { ...event, count: before.held + 1 } : event
  }
}
