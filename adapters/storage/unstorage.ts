import type { Store } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import { within } from './deadline.ts'
import type { Closable, Driver } from './driver.ts'
import { driverStore } from './driver-store.ts'
import { folderOf } from './keys.ts'

/** Drivers whose engine removes what has expired. */
const KEEPS_TIME =
  /^(redis|upstash|vercel-kv|vercel-runtime-cache|cloudflare-kv-binding|cloudflare-kv-http|deno-kv|deno-kv-node|lru-cache)$/

export interface UnstorageOptions {
  /**
   * The guarantee of the engine to one process: `process`, or `eventual` if a read may return a value from before a write.
   *
   * @default 'process'
   */
  readonly consistency?: 'process' | 'eventual' | undefined
}

/**
 * Any [unstorage](https://unstorage.unjs.io/drivers) driver. No driver can compare and set, so the store does that within
 * this process: it is right for one process, and best effort if several share the data.
 *
 * @param driver If its engine keeps no time, expired records are removed a few at a time, as others are written.
 * @throws {TypeError} For a driver that can only read.
 */
export function unstorage(driver: Driver, options: UnstorageOptions = {}): Store & Closable {
  const { setItem, removeItem } = driver
  if (!setItem || !removeItem) throw new TypeError('This unstorage driver can only read')
  const store = driverStore(
    {
      keepsTime: KEEPS_TIME.test(driver.name ?? ''),
      read: async (key) => driver.getItem(key),
      write: async (key, text, ttl) => succeed(await setItem(key, text, { ttl })),
      remove: async (key) => succeed(await removeItem(key)),
      async *list(prefix) {
        const listing = (async () => driver.getKeys(folderOf(prefix)))()
        const names = (await within(listing, ms.storageListing)) as readonly string[]
        for (const name of names) {
          // Drivers for files return paths.
          const key = name.replaceAll('/', ':')
          if (key.startsWith(prefix)) yield key
        }
      },
    },
    options.consistency ?? 'process',
  )
  return {
    ...store,
    close: async () => {
      await driver.dispose?.()
    },
  }
}

/** Some drivers return the error that they should have thrown. */
function succeed(result: unknown): void {
  if (result instanceof Error) throw result
}
