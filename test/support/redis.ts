import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

/** A Redis of one's own. */
export interface RedisServer {
  readonly url: string
  /** The server's process; none where `REDIS_URL` names one that runs already. */
  readonly process: ChildProcess | undefined
  stop(): Promise<void>
}

/** What is missing on this machine, for the message that says so. */
export const noRedis: string | undefined =
  process.env.REDIS_URL || works('redis-server') ? undefined : 'redis-server on the PATH, or REDIS_URL'

function works(command: string): boolean {
  try {
    execFileSync(command, ['--version'])
    return true
  } catch {
    return false
  }
}

export async function startRedis(): Promise<RedisServer> {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, process: undefined, stop: async () => {} }
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'lockgate-redis-'))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir]
  const server = spawn('redis-server', args, { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  // A run that is cut short must not leave it behind.
  const end = () => server.kill('SIGKILL')
  process.once('exit', end)
  await listening(port)
  return {
    url: `redis://127.0.0.1:${port}`,
    process: server,
    async stop() {
      process.off('exit', end)
      end()
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** @throws {Error} If no process listens within ten seconds. */
export async function listening(port: number): Promise<void> {
  const until = Date.now() + 10_000
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    if (Date.now() > until) throw new Error(`No process listens on port ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
