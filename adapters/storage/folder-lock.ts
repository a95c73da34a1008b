import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setInterval } from 'node:timers'
import { ms, StatedError } from '../../src/internal.ts'
import { type Holder, parseHolder, stateOf, thisHolder } from './lock-holder.ts'
import { makePrivateFolder } from './private-folder.ts'

/** Keeps other processes from writing to a folder. */
export interface FolderLock {
  /**
   * Takes the lock, unless this process has it already.
   *
   * @throws {FolderInUse} If another process has it.
   */
  hold(): Promise<void>
  /**
   * Looks for the lock of this process, which moves with its folder. Without a lock it looks for the folder.
   *
   * @throws {FolderGone} If it is not there. It may come back.
   * @throws {FolderInUse} If another process has taken the lock.
   */
  check(): Promise<void>
  /** `true` if the last look did not find the lock. */
  readonly isLost: boolean
  release(): Promise<void>
}

/** The folder was moved, unmounted or replaced while this process used it. */
export class FolderGone extends StatedError {
  override readonly name = 'FolderGone'
}

/** Another process writes to the folder. */
export class FolderInUse extends StatedError {
  override readonly name = 'FolderInUse'
}

/**
 * A lock by a file that its holder touches every two seconds. A holder on this machine that no longer runs is replaced at
 * once. A holder on another machine, or in another container, is replaced after ten seconds without a touch.
 */
export function createFolderLock(folder: string): FolderLock {
  const file = join(folder, '.lock')
  const id = randomUUID()
  let taking: Promise<void> | undefined
  /** `true` from the time at which this process took the lock until it releases it. */
  let held = false
  let lost = false
  let touchedAt = 0
  let timer: ReturnType<typeof setInterval> | undefined
  const removeAtExit = () => {
    try {
      if (parseHolder(readFileSync(file, 'utf8'))?.id === id) rmSync(file)
    } catch {
      // It went with its folder.
    }
  }

  async function take(): Promise<void> {
    const began = Date.now()
    let seen: string | undefined
    for (;;) {
      if (await create()) return
      const found = await read(file)
      // It was released meanwhile.
      if (!found) continue
      if (found.holder?.id === id) return
      const state = found.holder ? await stateOf(found.holder) : 'elsewhere'
      if (state === 'running') throw inUse(folder, found.holder)
      const touch = `${found.holder?.id} ${found.touchedAt}`
      if (state === 'ended' || (touch === seen && Date.now() - began >= ms.folderLockStale)) {
        await replace(found.text)
        continue
      }
      if (seen !== undefined && touch !== seen) throw inUse(folder, found.holder)
      seen = touch
      await new Promise((resolve) => setTimeout(resolve, ms.folderLockTouch))
    }
  }

  async function create(): Promise<boolean> {
    const holder = await thisHolder(id)
    makePrivateFolder(folder)
    try {
      await writeFile(file, JSON.stringify(holder), { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  /** Removes the lock of a holder that is gone. Two processes may do so at once: none removes the other's new lock. */
  async function replace(stale: string): Promise<void> {
    const aside = `${file}.${randomUUID()}.tmp`
    await rename(file, aside).catch(ignoreMissing)
    const text = await readFile(aside, 'utf8').catch(ignoreMissing)
    if (text !== undefined && text !== stale) await link(aside, file).catch(() => {})
    await rm(aside, { force: true })
  }

  async function verify(isDue = Date.now() - touchedAt > 2 * ms.folderLockTouch): Promise<void> {
    const holder = parseHolder((await readFile(file, 'utf8').catch(ignoreMissing)) ?? '')
    if (holder?.id !== id) {
      const isTaken = holder && (await stateOf(holder)) !== 'ended'
      throw isTaken ? inUse(folder, holder) : gone(folder)
    }
    // A process that stood still may soon lose it.
    if (isDue) {
      await utimes(file, new Date(), new Date())
      touchedAt = Date.now()
    }
    lost = false
  }

  async function look(isDue?: boolean): Promise<void> {
    await verify(isDue).catch((error) => {
      lost = true
      throw error
    })
  }

  async function begin(): Promise<void> {
    await take()
    held = true
    touchedAt = Date.now()
    process.once('exit', removeAtExit)
    timer = setInterval(() => {
      // Every operation that follows looks again, and says what it finds.
      look(true).catch(() => {})
    }, ms.folderLockTouch)
    timer.unref()
  }

  return {
    async hold() {
      taking ??= begin().catch((error) => {
        taking = undefined
        throw error
      })
      await taking
    },
    async check() {
      if (held) await look()
      else await stat(folder).catch((error) => Promise.reject(isMissing(error) ? gone(folder) : error))
    },
    get isLost() {
      return lost
    },
    async release() {
      if (!held) return
      held = false
      lost = false
      taking = undefined
      clearInterval(timer)
      process.off('exit', removeAtExit)
      const found = await read(file).catch(() => undefined)
      if (found?.holder?.id === id) await rm(file, { force: true })
    },
  }
}

const gone = (folder: string) =>
  new FolderGone(
    `${folder} was moved, unmounted or replaced while it was in use: put the folder back with its .lock, or restart to use what is there now`,
  )

const inUse = (folder: string, holder: Holder | undefined) =>
  new FolderInUse(
    `${folder} is in use by ${holder ? `process ${holder.pid}${holder.place && ` on ${holder.place.split(' ')[0]}`}` : 'another process'}: ` +
      'stop that process, or use sqlite:, redis:// or postgres:// for several processes',
  )

interface Found {
  readonly text: string
  readonly holder: Holder | undefined
  readonly touchedAt: number
}

async function read(file: string): Promise<Found | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    return { text, holder: parseHolder(text), touchedAt: mtimeMs }
  } catch (error) {
    return ignoreMissing(error)
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}
