import { randomUUID } from 'node:crypto'
import { mkdir, opendir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import fsLite from 'unstorage/drivers/fs-lite'
import type { Store } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import type { Driver } from './driver.ts'
import { folderOf } from './keys.ts'
import { unstorage } from './unstorage.ts'

/** Set apart from folders' names, or `a` and `a:b` could not both exist. No key contains a dot. */
const SUFFIX = '.json'
/**
 * A folder on this machine, one file a record, over unstorage's `fs-lite` driver. For one process: a second one on
 * the same folder is not seen in time.
 *
 * The driver writes into the file itself; here a record is written beside it and moved into place, so that a crash
 * leaves the old record or the new one, never half of either. What it leaves besides is swept up later.
 *
 * @param options.base The folder; made where it is missing, readable by its owner only.
 */
export function fs(options: { base: string }): Store {
  const base = resolve(options.base)
  const lite = fsLite({ base }) as Driver
  const fileOf = (key: string) => join(base, ...key.split(':')) + SUFFIX

  async function write(file: string, text: string): Promise<void> {
    const beside = `${file}.${randomUUID()}.tmp`
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    try {
      await writeFile(beside, text, { mode: 0o600, flush: true })
      await rename(beside, file)
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
  }

  /** Every record below a folder, as its key. Removes on its way what a crash has left behind. */
  async function* walk(folder: string): AsyncIterable<string> {
    const path = join(base, ...folder.split(':'))
    for await (const entry of await opendir(path)) {
      const name = folder + entry.name
      if (entry.isDirectory()) yield* unlessGone(walk(`${name}:`))
      else if (name.endsWith(SUFFIX)) yield name.slice(0, -SUFFIX.length)
      else if (name.endsWith('.tmp')) await removeAbandoned(join(path, entry.name))
    }
  }

  const driver: Driver = {
    getItem: (key) => lite.getItem(key + SUFFIX),
    async getKeys(prefix) {
      const keys: string[] = []
      for await (const key of unlessGone(walk(folderOf(prefix)))) keys.push(key)
      return keys
    },
    async removeItem(key) {
      const file = fileOf(key)
      await rm(file, { force: true })
      // Not where there are others beside it.
      if (key.includes(':')) await rmdir(dirname(file)).catch(() => {})
    },
    setItem: (key, text) =>
      // The folder may go between its making and its use, with the last other record in it.
      write(fileOf(key), text).catch((error) =>
        isGone(error) ? write(fileOf(key), text) : Promise.reject(error),
      ),
  }
  return unstorage(driver)
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

async function* unlessGone(entries: AsyncIterable<string>): AsyncIterable<string> {
  try {
    yield* entries
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

async function removeAbandoned(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (found && Date.now() - found.mtimeMs > ms.abandonedFile) await rm(file, { force: true })
}
