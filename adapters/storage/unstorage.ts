import type { Store } from '../../src/index.ts'
import { type Driver, decode, encode, newVersion } from './driver.ts'

/**
 * Any [unstorage](https://unstorage.unjs.io/drivers) driver. No driver can compare and set, so that is done
 * within this process: right for one process, and best effort where several share the data.
 *
 * @param options.consistency What the data's engine promises to a single process; `eventual` where a read may
 * answer with what was there before a write.
 */
export function unstorage(driver: Driver, options: { consistency?: 'process' | 'eventual' } = {}): Store {
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

  async function read(key: string) {
    const envelope = decode(await driver.getItem(key))
    return envelope && { value: envelope.value, version: envelope.version }
  }

  const write = async (key: string, value: unknown, ttl: number): Promise<void> => {
    await driver.setItem!(key, encode(value, ttl, newVersion()), { ttl })
  }

  return {
    consistency: options.consistency ?? 'process',
    get: read,
    set: (key, value, ttl) => inTurn(key, () => write(key, value, ttl)),
    swap: (key, version, value, ttl) =>
      inTurn(key, async () => {
        const found = await read(key)
        if (found?.version !== version) return false
        await write(key, value, ttl)
        return true
      }),
    delete: (key) =>
      inTurn(key, async () => {
        await driver.removeItem!(key)
      }),
    async *keys(prefix) {
      const names = (await driver.getKeys(prefix)) as readonly string[]
      for (const name of names) {
        // Drivers for files answer with paths.
        const key = name.replaceAll('/', ':')
        if (key.startsWith(prefix) && decode(await driver.getItem(key))) yield key
      }
    },
  }
}
