import { spawn } from 'node:child_process'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Store } from 'lockgate'
import { onLine } from './lines.ts'

/** A line to the store's process. */
export interface Call {
  readonly id: number
  readonly op: 'get' | 'set' | 'swap' | 'delete' | 'keys' | 'race' | 'hold'
  readonly args: readonly unknown[]
}

type Reply =
  | { readonly ready: Store['consistency'] }
  | { readonly id: number; readonly result?: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }

/** A store in a process of its own. */
export interface RemoteStore extends Store {
  /** {@link race}, over there. */
  race(key: string, version: string | undefined, racers: number): Promise<number>
  /** Ends the process without giving it time to finish anything. */
  kill(): Promise<void>
  close(): Promise<void>
}

const running = new Set<ReturnType<typeof spawn>>()

/** Ends every process that a failed test has left behind. */
export function endProcesses(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** The program of a store's process. It is bundled, so that every runtime starts it at once, as it is. */
let script: Promise<string> | undefined

async function bundle(): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  // Below the packages that it imports.
  const folder = join(root, 'test-output')
  const { outputFiles } = await build({
    entryPoints: [join(root, 'test/contract/store-process.ts')],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { '#outbound': join(root, 'adapters/outbound/node.ts') },
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'error',
  })
  // Other files of tests may do the same at this moment.
  const [file, beside] = [join(folder, 'store-process.mjs'), join(folder, `${crypto.randomUUID()}.mjs`)]
  await mkdir(folder, { recursive: true })
  await writeFile(beside, outputFiles[0]!.contents)
  await rename(beside, file)
  return file
}

export const thisNode: readonly string[] = [process.execPath]

/** An error from over there, as one of here. */
function revive({ name, message }: { name: string; message: string }): Error {
  return name === 'TypeError' ? new TypeError(message) : Object.assign(new Error(message), { name })
}

/** Opens, in a new process, the store that `url` names. @param runtime A command that takes a script. */
export async function openRemote(url: string, runtime: readonly string[] = thisNode): Promise<RemoteStore> {
  const [command, ...args] = runtime
  script ??= bundle()
  const child = spawn(command!, [...args, await script, url], { stdio: ['pipe', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  // Calls that are pending are rejected when the process ends.
  child.stdin.on('error', () => {})
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  running.add(child)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void ended.then(() => running.delete(child))
  let calls = 0

  const consistency = await new Promise<Store['consistency']>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The store's process ended with ${code}: ${errors}`)))
    onLine(child.stdout, (line) => {
      const reply = JSON.parse(line) as Reply
      if ('ready' in reply) return resolve(reply.ready)
      const call = waiting.get(reply.id)
      waiting.delete(reply.id)
      if ('error' in reply) call?.reject(revive(reply.error))
      else call?.resolve(reply.result)
    })
  })
  let over = false
  void ended.then(() => {
    over = true
    for (const { reject } of waiting.values()) reject(new Error(`The store's process has ended: ${errors}`))
  })

  function call<T>(op: Call['op'], ...args: unknown[]): Promise<T> {
    if (over) return Promise.reject(new Error(`The store's process has ended: ${errors}`))
    const id = ++calls
    return new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      child.stdin.write(`${JSON.stringify({ id, op, args } satisfies Call)}\n`)
    })
  }

  return {
    consistency,
    get: (key) => call('get', key),
    set: (key, value, ttl) => call('set', key, value, ttl),
    swap: (key, version, value, ttl) => call('swap', key, version ?? null, value, ttl),
    delete: (key) => call('delete', key),
    async *keys(prefix) {
      yield* await call<string[]>('keys', prefix)
    },
    hold: () => call('hold'),
    race: (key, version, racers) => call('race', key, version ?? null, racers),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async close() {
      child.stdin.end()
      await ended
    },
  }
}
