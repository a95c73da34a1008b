import { type ChildProcess, spawn } from 'node:child_process'

const cli = new URL('../../dist/cli.js', import.meta.url).pathname

/** The built command as a process of its own. */
export interface Run {
  readonly child: ChildProcess
  readonly out: () => string
  readonly err: () => string
  readonly code: Promise<number | null>
  /** Waits until `serve` says that it listens. */
  ready(): Promise<void>
}

/**
 * Starts `lockgate` in a folder, with these variables and no others of its kind.
 *
 * @param runtime The command that runs JavaScript; this Node by default.
 */
export function startCommand(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  runtime: readonly string[] = [process.execPath],
): Run {
  const [program, ...before] = runtime
  const child = spawn(program!, [...before, cli, ...args], {
    cwd,
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    out: () => out,
    err: () => err,
    code,
    async ready() {
      for (let tries = 0; tries < 900; tries++) {
        if (err.includes('ready')) return
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${err}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error(`not ready: ${err}`)
    },
  }
}

/** Runs it to its end. */
export async function runCommand(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  runtime?: readonly string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const run = startCommand(cwd, args, env, runtime)
  const code = await run.code
  return { code, out: run.out(), err: run.err() }
}
