import type { Store } from '../../src/index.ts'
import { within } from './deadline.ts'
import { type Closable, type Driver, decode, encode, isLive, newVersion, open } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'
import { createSweep } from './sweep.ts'

/** Drivers whose engine forgets what has expired. */
const KEEPS_TIME =
  /^(redis|upstash|vercel-kv|vercel-runtime-cache|cloudflare-kv-binding|cloudflare-kv-http|deno-kv|deno-kv-node|lru-cache)$/

/**
 * Any [unstorage](https://unstorage.unjs.io/drivers) driver. No driver can compare and set, so that is done
 * within this process: right for one process, and best effort where several share the data.
 *
 * @param driver Where its engine keeps no time, expired records are removed a few at a time, as others are written.
 * @param options.consistency What the data's engine promises to a single process; `eventual` where a read may
 * answer with what was there before a write.
 * @throws {TypeError} For a driver that can only read.
 */
export function unstorage(
  driver: Driver,
  options: { consistency?: 'process' | 'eventual' } = {},
): Store & Closable {
  if (!driver.setItem || !driver.removeItem) throw new TypeError('This unstorage driver can only read')
  const turns = new Map<string, Promise<unknown>>()

  /** Lets the changes of one key follow one another. */
  function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(key) ?? Promise.resolve()).then(work, work)
    const settled = turn.then(
      () => {},
      () => {},
    )
    turns.set(key, settled)
    void settled.then(() => {
      if (turns.get(key) === settled) turns.delete(key)
    })
    return turn
  }

  const stored = async (key: string): Promise<unknown> => within(driver.getItem(key) as Promise<unknown>)
  const remove = async (key: string): Promise<void> => succeed(await within(driver.removeItem!(key)))

  async function list(prefix: string): Promise<string[]> {
    const names = (await within(driver.getKeys(folderOf(prefix)))) as readonly string[]
    // Drivers for files answer with paths.
    return names.map((name) => name.replaceAll('/', ':')).filter((name) => name.startsWith(prefix))
  }

  async function read(key: string) {
    const envelope = decode(await stored(key), key)
    return envelope && { value: envelope.value, version: envelope.version }
  }

  const sweep = KEEPS_TIME.test(driver.name ?? '')
    ? () => {}
    : createSweep(
        async function* () {
          yield* await list('')
        },
        (key) =>
          inTurn(key, async () => {
            const envelope = openOwn(await stored(key), key)
            if (envelope && !isLive(envelope)) await remove(key)
          }),
      )

  async function write(key: string, value: unknown, ttl: number): Promise<void> {
    succeed(await within(driver.setItem!(key, encode(value, ttl, newVersion()), { ttl: wholeSeconds(ttl) })))
    sweep()
  }

  return {
    consistency: options.consistency ?? 'process',
    get: async (key) => read(checkKey(key)),
    set: async (key, value, ttl) => inTurn(checkKey(key), () => write(key, value, ttl)),
    swap: async (key, version, value, ttl) =>
      inTurn(checkKey(key), async () => {
        const found = await read(key)
        if (found?.version !== version) return false
        await write(key, value, ttl)
        return true
      }),
    delete: async (key) => inTurn(checkKey(key), () => remove(key)),
    async *keys(prefix) {
      for (const key of await list(checkPrefix(prefix))) if (decode(await stored(key), key)) yield key
    },
    close: async () => {
      await driver.dispose?.()
    },
  }
}

/** Engines take no fractions, and some take zero for ever. */
const wholeSeconds = (ttl: number): number => Math.max(1, Math.ceil(ttl))

/** Some drivers answer with the error they should have thrown. */
function succeed(answer: unknown): void {
  if (answer instanceof Error) throw answer
}

/** A folder may be shared with others: what they wrote is not ours to remove. */
function openOwn(stored: unknown, key: string): ReturnType<typeof open> {
  try {
    return open(stored, key)
  } catch {
    return undefined
  }
}
