import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server in a process of its own. */
export interface Child {
  /** Absent for one that runs in several processes. */
  readonly pid?: number
  /** What it wrote. */
  output(): string
  /** Asks it to end, and ends it after two seconds. Resolves to the exit code of a single process. */
  stop(): Promise<unknown>
}

/** A machine that runs many suites at once starts a process slowly. */
const PATIENCE = 60_000

/**
 * Starts a server and waits until `url` answers.
 *
 * @throws {Error} With what it wrote, where it ends or does not answer.
 */
export async function start(
  command: readonly string[],
  options: { url: string; cwd: string; env?: Record<string, string> },
): Promise<Child> {
  const [file, ...args] = command
  const child = spawn(file!, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => written.push(chunk.toString()))
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => written.push(String(error)))
    child.once('close', resolve)
  })
  let running = true
  void ended.then(() => {
    running = false
  })
  const output = () => written.join('')
  const stop = async () => {
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 2000)
    const code = await ended
    clearTimeout(force)
    return code
  }
  const until = Date.now() + PATIENCE
  while (running && Date.now() < until) {
    const answers = await fetch(options.url, { signal: AbortSignal.timeout(2000) }).then(
      (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    )
    if (answers) return { ...(child.pid !== undefined && { pid: child.pid }), output, stop }
    await sleep(50)
  }
  const failure = running ? 'does not answer' : 'ended'
  if (running) await stop()
  throw new Error(`${command.join(' ')}\n${failure}:\n${output()}`)
}
