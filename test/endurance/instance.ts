import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { listening } from '../support/redis.ts'

export interface Memory {
  readonly heapUsed: number
  readonly rss: number
}

/** `lockgate serve` in a process of its own that can be asked for its memory. */
export interface Instance {
  readonly port: number
  /** Bytes, after everything that can be collected was. */
  memory(): Promise<Memory>
  kill(): void
}

const cli = new URL('../../dist/cli.js', import.meta.url).pathname

/** Loaded before the command: answers with what is really held. */
const PROBE = `
process.on('message', () => {
  gc()
  const { heapUsed, rss } = process.memoryUsage()
  process.send({ heapUsed, rss })
})
process.channel.unref()`

export async function bootInstance(env: NodeJS.ProcessEnv, port: number): Promise<Instance> {
  const probe = `data:text/javascript,${encodeURIComponent(PROBE)}`
  const child = spawn(process.execPath, ['--expose-gc', '--import', probe, cli, 'serve'], {
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  // A run that is cut short must not leave it behind.
  process.once('exit', () => child.kill('SIGKILL'))
  await listening(port)
  return {
    port,
    async memory() {
      const answer = once(child, 'message', { signal: AbortSignal.timeout(30_000) })
      child.send('memory')
      return (await answer)[0] as Memory
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
