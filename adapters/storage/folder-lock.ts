import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setInterval } from 'node:timers'
import { ms, StatedError } from '../../src/internal.ts'
import { makePrivateFolder } from './private-folder.ts'

/** Keeps other processes from writing to a folder. */
export interface FolderLock {
  /**
   * Takes the lock, unless this process has it already.
   *
   * @throws {FolderInUse} If another process has it.
   */
  hold(): Promise<void>
  release(): Promise<void>
}

/** Another process writes to the folder. */
export class FolderInUse extends StatedError {
  override readonly name = 'FolderInUse'
}

/** The content of the lock's file. */
interface Holder {
  readonly id: string
  readonly pid: number
  /** The start of the process, as its system counts it, so that a number that is used again is not taken for it. */
  readonly started: string | undefined
  /** The machine, or the container. Process numbers mean nothing in another one. Empty if its name is not known. */
  readonly place: string
}

type State = 'running' | 'ended' | 'elsewhere'

/**
 * A lock by a file that its holder touches every two seconds. A holder on this machine that no longer runs is replaced at
 * once. A holder on another machine, or in another container, is replaced after ten seconds without a touch.
 */
export function createFolderLock(folder: string): FolderLock {
  const file = join(folder, '.lock')
  const id = randomUUID()
  let taking: Promise<void> | undefined
  let touchedAt = 0
  let timer: ReturnType<typeof setInterval> | undefined
  const removeAtExit = () => {
    if (touchedAt > 0) rmSync(file, { force: true })
  }

  async function take(): Promise<void> {
    const began = Date.now()
    let seen: string | undefined
    for (;;) {
      if (await create()) return
      const found = await look(file)
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
    const holder: Holder = { id, pid: process.pid, started: await startOf(process.pid), place: await place() }
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

  /** Touches the file if it is still this holder's. */
  async function touch(): Promise<boolean> {
    const found = await look(file)
    if (found?.holder?.id !== id) return false
    await utimes(file, new Date(), new Date())
    touchedAt = Date.now()
    return true
  }

  function lose(): void {
    clearInterval(timer)
    timer = undefined
    touchedAt = 0
    taking = undefined
    process.off('exit', removeAtExit)
  }

  async function begin(): Promise<void> {
    await take()
    touchedAt = Date.now()
    process.once('exit', removeAtExit)
    timer = setInterval(() => {
      touch().then((ours) => {
        if (!ours) lose()
      }, lose)
    }, ms.folderLockTouch)
    timer.unref()
  }

  return {
    async hold() {
      // A process that stood still may have lost its lock.
      if (touchedAt > 0 && Date.now() - touchedAt > 2 * ms.folderLockTouch && !(await touch())) lose()
      taking ??= begin().catch((error) => {
        taking = undefined
        throw error
      })
      await taking
    },
    async release() {
      if (touchedAt === 0) return
      const ours = await touch().catch(() => false)
      lose()
      if (ours) await rm(file, { force: true })
    },
  }
}

const inUse = (folder: string, holder: Holder | undefined) =>
  new FolderInUse(
    `${folder} is in use by ${holder ? `process ${holder.pid}${holder.place && ` on ${holder.place.split(' ')[0]}`}` : 'another process'}: ` +
      'stop that process, or use sqlite:, redis:// or postgres:// for several processes',
  )

interface Look {
  readonly text: string
  readonly holder: Holder | undefined
  readonly touchedAt: number
}

async function look(file: string): Promise<Look | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    return { text, holder: parse(text), touchedAt: mtimeMs }
  } catch (error) {
    return ignoreMissing(error)
  }
}

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder
    const { id, pid, place } = holder
    return typeof id === 'string' && Number.isInteger(pid) && typeof place === 'string' ? holder : undefined
  } catch {
    // It is being written, or was when the machine stopped.
    return undefined
  }
}

async function stateOf(holder: Holder): Promise<State> {
  const here = await place()
  if (here === '' || holder.place !== here) return 'elsewhere'
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ESRCH') return 'ended'
    // Some runtimes do not permit the question.
    if (code !== 'EPERM') return 'elsewhere'
  }
  const started = await startOf(holder.pid)
  return started === holder.started ? 'running' : 'ended'
}

/**
 * Returns the machine's name with its namespace of process numbers, which differs between containers. Empty if Deno may not
 * read the name: then every holder counts as one of another machine.
 */
async function place(): Promise<string> {
  let name: string
  try {
    name = hostname()
  } catch {
    return ''
  }
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${name} ${namespace}`
}

/** Returns the start of a process on Linux, and `undefined` on other systems. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name of the program is in parentheses, and may contain anything.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
