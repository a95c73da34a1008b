import { randomUUID } from 'node:crypto'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import fsLite from 'unstorage/drivers/fs-lite'
import type { Store } from '../../src/index.ts'
import type { Driver } from './driver.ts'
import { unstorage } from './unstorage.ts'

/**
 * A folder on this machine, one file a record, over unstorage's `fs-lite` driver. For one process: a second one on
 * the same folder is not seen in time.
 *
 * The driver writes into the file itself; here a record is written beside it and moved into place, so that a crash
 * leaves the old record or the new one, never half of either.
 *
 * @param options.base The folder; made where it is missing, readable by its owner only.
 */
export function fs(options: { base: string }): Store {
  const base = resolve(options.base)
  const lite = fsLite({ base, ignore: (path: string) => path.endsWith('.tmp') }) as Driver
  const driver: Driver = {
    getItem: (key) => lite.getItem(key),
    getKeys: (prefix) => lite.getKeys(prefix),
    removeItem: (key) => lite.removeItem!(key),
    async setItem(key, value) {
      const file = join(base, ...key.split(':'))
      const beside = `${file}.${randomUUID()}.tmp`
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      try {
        await writeFile(beside, value, { mode: 0o600 })
        await rename(beside, file)
      } catch (error) {
        await rm(beside, { force: true })
        throw error
      }
    },
  }
  const store = unstorage(driver)
  let opened: Promise<void> | undefined
  const open = () => {
    opened ??= mkdir(base, { recursive: true, mode: 0o700 }).then(() => chmod(base, 0o700))
    return opened
  }
  return {
    ...store,
    get: async (key) => {
      await open()
      return store.get(safe(key))
    },
    set: async (key, value, ttl) => {
      await open()
      return store.set(safe(key), value, ttl)
    },
    swap: async (key, version, value, ttl) => {
      await open()
      return store.swap(safe(key), version, value, ttl)
    },
    delete: async (key) => store.delete(safe(key)),
  }
}

/** @throws {TypeError} For a key that could name a file elsewhere. */
function safe(key: string): string {
  if (!/^[\w-]+(:[\w-]+)*$/.test(key))
    throw new TypeError('A key must be made of base64url parts joined by colons')
  return key
}
