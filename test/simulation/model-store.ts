import type { Store, Versioned } from 'lockgate'
import type { Faults } from './faults.ts'
import type { World } from './world.ts'

export type Consistency = Store['consistency']

/** One write, as the store keeps its history. */
interface Written {
  readonly at: number
  /** The value as JSON, so that no reader shares it with another. */
  readonly entry: { readonly json: string; readonly version: string; readonly until: number } | undefined
}

/** Told of every write that takes effect. */
export type OnWrite = (key: string, before: unknown, after: unknown, by: string) => void

/** A store that several instances share. It keeps every version, for reads of the past. */
export interface ModelStore {
  /** The store as one instance reaches it. */
  handle(of: Caller): Store
  /** What is stored now. */
  entries(): Map<string, unknown>
  /** Writes a record at once, as someone does who has access to the store itself. */
  forge(key: string, value: unknown): void
}

/** The instance that sends a message, which may have died before the response arrives. */
export interface Caller {
  readonly name: string
  readonly alive: boolean
  /** Counts a message, and dies at it if the history says so. */
  mayCrash(): void
}

/** Milliseconds by which an eventually consistent read may lag. */
export const STALENESS = 60_000

class Cut extends Error {}

export function createModelStore(
  world: World,
  options: {
    consistency: Consistency
    faults: () => Faults
    onWrite: OnWrite
    onFault(kind: string, by: string): void
  },
): ModelStore {
  const { consistency, faults, onWrite, onFault } = options
  const histories = new Map<string, Written[]>()
  let versions = 0

  const latest = (key: string) => {
    const entry = histories.get(key)?.at(-1)?.entry
    return entry && entry.until > world.now() ? entry : undefined
  }

  /** An eventual store may return any value of the last minute. */
  function seen(key: string): Written['entry'] {
    const all = histories.get(key) ?? []
    if (consistency !== 'eventual') return latest(key)
    const since = world.now() - STALENESS
    const visible = all.filter(({ at }, index) => at >= since || (all[index + 1]?.at ?? Infinity) >= since)
    const recent = [...visible].reverse()
    // Before its first write, a key was absent.
    const choices = all.length > 0 && all[0]!.at >= since ? [...recent, undefined] : recent
    const chosen = world.choices.chance(25) ? choices[world.choices.pick(choices.length)] : choices[0]
    const entry = chosen?.entry
    return entry && entry.until > world.now() ? entry : undefined
  }

  function write(key: string, value: unknown, ttl: number, by: string): void {
    const before = parsed(latest(key))?.value
    const entry =
      value === undefined
        ? undefined
        : { json: JSON.stringify(value), version: `v${++versions}`, until: world.now() + ttl * 1000 }
    const all = histories.get(key) ?? []
    all.push({ at: world.now(), entry })
    histories.set(key, all)
    onWrite(key, before, value, by)
  }

  /** One message to the store and its response, each of which may be lost. */
  function message<T>(caller: Caller, operation: string, key: string, effect: () => T): Promise<T> {
    const what = `store ${operation} ${key.slice(0, key.indexOf(':'))}`
    const step = { by: caller.name, what, about: key }
    const answer = { by: caller.name, what: `${what} done`, about: key }
    return new Promise((resolve, reject) => {
      caller.mayCrash()
      if (!caller.alive) return
      world.schedule(step, () => {
        // A message of an instance that died meanwhile may still arrive.
        if (!caller.alive && world.choices.chance(50)) return
        if (world.choices.chance(faults().lost)) {
          onFault('store request lost', caller.name)
          reject(new Cut('the store cannot be reached'))
          return
        }
        const result = effect()
        if (world.choices.chance(faults().unanswered)) {
          onFault('store response lost', caller.name)
          if (world.choices.chance(50)) reject(new Cut('the store did not answer'))
          return
        }
        world.schedule(answer, () => {
          caller.mayCrash()
          if (caller.alive) resolve(result)
        })
      })
    })
  }

  const parsed = (found: Written['entry']): Versioned | undefined =>
    found && { value: JSON.parse(found.json), version: found.version }

  return {
    forge: (key, value) => write(key, value, 3600, 'a forger'),
    entries: () =>
      new Map(
        [...histories.keys()].flatMap((key) => {
          const entry = latest(key)
          return entry ? [[key, JSON.parse(entry.json)] as const] : []
        }),
      ),
    handle: (caller) => ({
      consistency,
      get: (key) => message(caller, 'get', key, () => parsed(seen(key))),
      set: (key, value, ttl) => message(caller, 'set', key, () => write(key, value, ttl, caller.name)),
      swap: (key, version, value, ttl) =>
        message(caller, 'swap', key, () => {
          if (seen(key)?.version !== version) return false
          write(key, value, ttl, caller.name)
          return true
        }),
      delete: (key) =>
        message(caller, 'delete', key, () => {
          if (latest(key) !== undefined || consistency === 'eventual') write(key, undefined, 0, caller.name)
        }),
      async *keys(prefix) {
        const found = await message(caller, 'keys', prefix, () =>
          [...histories.keys()].filter((key) => key.startsWith(prefix) && latest(key) !== undefined),
        )
        yield* found
      },
    }),
  }
}
