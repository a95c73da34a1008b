import type { Store, Versioned } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import { UnreadableRecord } from '../../src/ports.ts'
import { within } from './deadline.ts'
import { decode, encode, isLive, newVersion, open } from './driver.ts'
import { checkKey, checkPrefix } from './keys.ts'
import { createSweep } from './sweep.ts'
import { createTurns } from './turns.ts'

/** The engine behind a store that compares and sets in this process. */
export interface Engine {
  read(key: string): Promise<unknown>
  /** @param ttl Whole seconds. */
  write(key: string, text: string, ttl: number): Promise<void>
  remove(key: string): Promise<void>
  /** Lists every key under a prefix, expired or not, as far as the caller asks for more. */
  list(prefix: string): AsyncIterable<string>
  /** `true` if the engine itself removes expired records. */
  readonly keepsTime: boolean
  /** Returns whether an unreadable record is so old that it can be removed. Without it none is. */
  isAbandoned?(key: string): Promise<boolean>
}

/** Records that are read at the same time. */
const AT_ONCE = 32

/** Creates a store on an engine that cannot compare and set. This process does it, one change of a key after another. */
export function driverStore(engine: Engine, consistency: 'process' | 'eventual'): Store {
  // An eventual engine compares and sets as well as it can in any case, so that a turn need not last for all attempts.
  const turns = createTurns(() => (consistency === 'eventual' ? ms.singleFlight : 3 * ms.storageEngine))
  const stored = (key: string) => within(engine.read(key))
  const remove = (key: string) => within(engine.remove(key))

  async function read(key: string): Promise<Versioned | undefined> {
    const envelope = decode(await stored(key), key)
    return envelope && { value: envelope.value, version: envelope.version }
  }

  const readOne = (key: string): Promise<Versioned | UnreadableRecord | undefined> =>
    read(key).catch((error) => {
      if (error instanceof UnreadableRecord) return error
      throw error
    })

  const sweep = engine.keepsTime
    ? () => {}
    : createSweep(
        () => engine.list(''),
        (key) =>
          turns.take(key, async () => {
            const envelope = readable(await stored(key), key)
            const isOver = envelope ? !isLive(envelope) : await engine.isAbandoned?.(key)
            if (isOver) await remove(key)
          }),
      )

  async function write(key: string, value: unknown, ttl: number): Promise<void> {
    // Engines accept no fractions, and some take zero for ever.
    const seconds = Math.max(1, Math.ceil(ttl))
    await within(engine.write(key, encode(value, ttl, newVersion()), seconds))
    sweep()
  }

  async function getMany(keys: readonly string[]) {
    const found: (Versioned | UnreadableRecord | undefined)[] = []
    for (let start = 0; start < keys.length; start += AT_ONCE) {
      found.push(...(await Promise.all(keys.slice(start, start + AT_ONCE).map(readOne))))
    }
    return found
  }

  return {
    consistency,
    get: async (key) => read(checkKey(key)),
    getMany: async (keys) => getMany(keys.map(checkKey)),
    set: async (key, value, ttl) => turns.take(checkKey(key), () => write(key, value, ttl)),
    swap: async (key, version, value, ttl) =>
      turns.take(checkKey(key), async () => {
        const found = await read(key)
        if (found?.version !== version) return false
        await write(key, value, ttl)
        return true
      }),
    delete: async (key) => turns.take(checkKey(key), () => remove(key)),
    async *keys(prefix) {
      let batch: string[] = []
      const live = async () => {
        const [keys, records] = [batch, await getMany(batch)]
        batch = []
        return keys.filter((_, index) => records[index])
      }
      for await (const key of engine.list(checkPrefix(prefix))) {
        if (batch.push(key) === AT_ONCE) yield* await live()
      }
      yield* await live()
    },
  }
}

/** Returns an envelope, or `undefined` for a record that another program wrote, or that is damaged. */
function readable(stored: unknown, key: string): ReturnType<typeof open> {
  try {
    return open(stored, key)
  } catch {
    return undefined
  }
}
