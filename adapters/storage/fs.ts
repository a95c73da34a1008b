import { randomUUID } from 'node:crypto'
import { mkdir, opendir, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import fsLite from 'unstorage/drivers/fs-lite'
import type { Store } from '../../src/index.ts'
import { ms, StatedError } from '../../src/internal.ts'
import { flagOf } from './deno-permission.ts'
import type { Closable, Driver } from './driver.ts'
import { driverStore } from './driver-store.ts'
import { createFolderLock } from './folder-lock.ts'
import { folderOf } from './keys.ts'
import { makeFolder, prepareFolder, unusableFolder } from './private-folder.ts'
import { probe } from './probe.ts'

/** The end of a record's file name. It differs from folders, so that `a` and `a:b` can both exist. No key has a dot. */
const SUFFIX = '.json'
/** Folders that are listed at the same time. */
const AT_ONCE = 32

export interface FsOptions {
  /** The folder. It is created if it does not exist, readable by its owner only. */
  readonly base: string
}

/** A folder that is open in this process. All stores on it share its turns, its lock and its sweep. */
interface Folder {
  readonly store: Store & Closable
  users: number
}

const folders = new Map<string, Folder>()

/**
 * A folder on this machine with one file per record, over unstorage's `fs-lite` driver. For one process, and up to 200,000
 * grants: a listing of all of them then takes minutes. The first write takes a lock, so that a second process
 * cannot write to the folder.
 *
 * The driver would write into the file itself. This store writes a new file and moves it into place, so that a crash leaves
 * the old record or the new one, never half of either. Other leftovers of a crash are removed later.
 *
 * The folder is made at once. `createProxy` names it if it cannot be made, or if this user may not write to it.
 */
export function fs(options: FsOptions): Store & Closable {
  const base = resolve(options.base)
  const folder = folders.get(base) ?? { store: openFolder(base), users: 0 }
  folders.set(base, folder)
  folder.users++
  let closed = false
  return {
    ...folder.store,
    // What makes it private is written with the first record.
    ...prepareFolder(base, 0o700),
    async close() {
      if (closed) return
      closed = true
      if (--folder.users > 0) return
      folders.delete(base)
      await folder.store.close()
    },
  }
}

function openFolder(base: string): Store & Closable {
  const lite = fsLite({ base }) as Driver
  const lock = createFolderLock(base)
  const fileOf = (key: string) => join(base, ...key.split(':')) + SUFFIX

  async function write(file: string, text: string): Promise<void> {
    const beside = `${file}.${randomUUID()}.tmp`
    await makeBelow(base, dirname(file))
    try {
      await writeFile(beside, text, { mode: 0o600, flush: true })
      await rename(beside, file)
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
  }

  const store = driverStore(
    {
      keepsTime: false,
      async read(key) {
        const text = await lite.getItem(key + SUFFIX)
        // In another folder, or none, a record that is missing may well exist.
        if (text === null || text === undefined || lock.isLost) await lock.check()
        return text
      },
      async write(key, text) {
        await lock.check()
        // The folder may disappear between its creation and its use, with the last other record in it.
        await write(fileOf(key), text).catch((error) =>
          isMissing(error) ? write(fileOf(key), text) : Promise.reject(error),
        )
      },
      async remove(key) {
        await lock.check()
        const file = fileOf(key)
        await rm(file, { force: true })
        // Fails if other records are in the folder.
        if (key.includes(':')) await rmdir(dirname(file)).catch(() => {})
      },
      async *list(prefix) {
        await lock.check()
        for await (const key of walk(base, folderOf(prefix))) if (key.startsWith(prefix)) yield key
        await lock.check()
      },
      async isAbandoned(key) {
        const { mtimeMs } = await stat(fileOf(key))
        return Date.now() - mtimeMs > ms.unreadableFile
      },
    },
    'process',
  )
  return {
    ...store,
    async set(key, value, ttl) {
      await lock.hold()
      await store.set(key, value, ttl)
    },
    async swap(key, version, value, ttl) {
      await lock.hold()
      return store.swap(key, version, value, ttl)
    },
    hold: () => lock.hold().catch((error) => explain(base, error)),
    // Without the lock: another process may serve the folder.
    async check() {
      try {
        makeFolder(base, 0o700)
        await probe(store)
      } catch (error) {
        explain(base, error)
      }
    },
    close: () => lock.release(),
  }
}

/** Makes a folder below `base`, but never `base` itself: if that is gone, so are its records. */
async function makeBelow(base: string, folder: string): Promise<void> {
  if (folder === base) return
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    if (!isMissing(error) || dirname(folder) === base) throw error
    await makeBelow(base, dirname(folder))
    await makeBelow(base, folder)
  }
}

/** Lists every record below a folder by its key. Removes leftovers of a crash on its way. */
async function* walk(base: string, folder: string): AsyncIterable<string> {
  const path = pathOf(base, folder)
  const directory = await opendir(path, { bufferSize: 1000 }).catch(ignoreMissing)
  if (!directory) return
  let leaves: string[] = []
  for await (const entry of directory) {
    const name = folder + entry.name
    if (!entry.isDirectory()) {
      if (await isRecord(path, entry.name)) yield keyOf(name)
    } else if (folder === '') {
      yield* walk(base, `${name}:`)
    } else {
      // There may be one for each user, with a few files.
      leaves.push(`${name}:`)
      if (leaves.length < AT_ONCE) continue
      yield* (await Promise.all(leaves.map((leaf) => listLeaf(base, leaf)))).flat()
      leaves = []
    }
  }
  yield* (await Promise.all(leaves.map((leaf) => listLeaf(base, leaf)))).flat()
}

/** Lists the records of a folder that has no folders in it. */
async function listLeaf(base: string, folder: string): Promise<string[]> {
  const path = pathOf(base, folder)
  const keys: string[] = []
  for (const name of (await readdir(path).catch(ignoreMissing)) ?? []) {
    if (await isRecord(path, name)) keys.push(keyOf(folder + name))
  }
  return keys
}

const pathOf = (base: string, folder: string): string => join(base, ...folder.split(':'))
const keyOf = (name: string): string => name.slice(0, -SUFFIX.length)

/** Returns whether a file is a record. Removes the file of a write that was interrupted long ago. */
async function isRecord(path: string, name: string): Promise<boolean> {
  if (name.endsWith('.tmp')) {
    const file = join(path, name)
    const found = await stat(file).catch(ignoreMissing)
    if (found && Date.now() - found.mtimeMs > ms.abandonedFile) await rm(file, { force: true })
  }
  return name.endsWith(SUFFIX)
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}

/** @throws {StatedError} For a folder that cannot be used, with what to do. */
function explain(base: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException
  if (!flagOf(error) && !/^E[A-Z]+$/.test(code ?? '')) throw error
  throw new StatedError(unusableFolder(base, error), { cause: error })
}
