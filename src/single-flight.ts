import type { KeepAlive } from './ports.ts'
import { ms } from './timing.ts'

/** Work that several requests need at the same moment, done once for each key. */
export interface SingleFlight<T> {
  /**
   * Starts the work of a key, or joins it. The work belongs to the runtime, not to the request that started it. Work that
   * takes longer than `longest` is dropped: one waiter starts it again, and the others join that. A request that
   * has waited twice does the work alone.
   *
   * @throws The error of the work.
   */
  join(key: string, start: () => Promise<T>): Promise<T>
  /** Returns `true` while work of this key is under way that counts. */
  has(key: string): boolean
  /** Lets the next request start again, because the result under way is out of date. */
  drop(key: string): void
  /** The number of keys whose work is under way and counts. Work that is overdue does not count. */
  readonly size: number
}

interface Entry<T> {
  readonly work: Promise<T>
  /** By a clock that no operator sets, in milliseconds. */
  readonly startedAt: number
}

/**
 * @param options.keepAlive By default work lasts by itself, as on every runtime but Workers.
 * @param options.longest Milliseconds after which work counts as lost. By default `ms.singleFlight`.
 */
export function createSingleFlight<T>({
  keepAlive = () => {},
  longest = () => ms.singleFlight,
}: {
  readonly keepAlive?: KeepAlive | undefined
  readonly longest?: () => number
} = {}): SingleFlight<T> {
  const entries = new Map<string, Entry<T>>()

  /** The entry of a key, unless it is overdue. A request that was cancelled can leave work that never settles. */
  function underWay(key: string): Entry<T> | undefined {
    const entry = entries.get(key)
    if (entry === undefined || performance.now() - entry.startedAt < longest()) return entry
    entries.delete(key)
    return undefined
  }

  function begin(start: () => Promise<T>): Promise<T> {
    const work = start()
    // A failure is the business of those who wait. Here it must only not count as unhandled.
    keepAlive(
      work.then(
        () => {},
        () => {},
      ),
    )
    return work
  }

  function share(key: string, start: () => Promise<T>): Promise<T> {
    const entry = { work: begin(start), startedAt: performance.now() }
    entries.set(key, entry)
    const forget = () => {
      if (entries.get(key) === entry) entries.delete(key)
    }
    entry.work.then(forget, forget)
    return entry.work
  }

  return {
    has: (key) => underWay(key) !== undefined,
    drop: (key) => {
      entries.delete(key)
    },
    get size() {
      for (const key of entries.keys()) underWay(key)
      return entries.size
    },
    async join(key, start) {
      for (let waited = 0; waited < 2; waited++) {
        const known = underWay(key)
        if (!known) return share(key, start)
        const left = longest() - (performance.now() - known.startedAt)
        const result = await within(known.work, left)
        if (result !== OVERDUE) return result
        if (entries.get(key) === known) entries.delete(key)
      }
      return begin(start)
    },
  }
}

const OVERDUE = Symbol('overdue')

/** Waits for work, but not for longer than `milliseconds`. */
async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | typeof OVERDUE> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<typeof OVERDUE>((resolve) => {
    timer = setTimeout(() => resolve(OVERDUE), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
