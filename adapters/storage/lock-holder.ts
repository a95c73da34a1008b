import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import process from 'node:process'

/** The content of the lock's file. */
export interface Holder {
  readonly id: string
  readonly pid: number
  /** The start of the process, as its system counts it, so that a number that is used again is not taken for it. */
  readonly started: string | undefined
  /** The machine, or the container. Process numbers mean nothing in another one. Empty if its name is not known. */
  readonly place: string
}

type State = 'running' | 'ended' | 'elsewhere'

/** Describes this process as a holder. */
export const thisHolder = async (id: string): Promise<Holder> => ({
  id,
  pid: process.pid,
  started: await startOf(process.pid),
  place: await place(),
})

/** Reads the content of a lock's file. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder
    const { id, pid, place } = holder
    return typeof id === 'string' && Number.isInteger(pid) && typeof place === 'string' ? holder : undefined
  } catch {
    // It is being written, or was when the machine stopped.
    return undefined
  }
}

export async function stateOf(holder: Holder): Promise<State> {
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
