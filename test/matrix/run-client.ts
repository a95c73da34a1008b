import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { walk } from './gate.ts'

export interface Run {
  readonly output: string
  readonly status: number | null
  /** `true` if the client sent its user to sign in. */
  readonly signedIn: boolean
}

export interface RunOptions {
  /** Ends the client a moment after it printed this, or after this holds. Some clients stay open. */
  readonly done?: string | (() => boolean)
  /** Lines that the client reads, each after the response to the one before. */
  readonly lines?: readonly string[]
  /** An answer that the user types, after the client has printed this. */
  readonly typed?: { readonly after: string; readonly keys: string | (() => string) }
  /** Runs the client in a terminal, by util-linux' `script`. */
  readonly isInTerminal?: boolean
  /** Ends its input at once: some clients read all of it first. */
  readonly hasNoInput?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** The user's browser: it notes the address, and the test opens it. */
const BROWSER = '#!/bin/sh\nprintf "%s\\n" "$1" >>"$HOME/opened"\n'

/** The inspector signs in without a terminal only where it may open a browser, and keeps tokens where it is told. */
const INTERACTIVE = { MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'file' }

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/**
 * Runs a client that prints or opens the address to sign in at, and waits on a port of its own. It plays the user: opens
 * the address, approves, and hands the answer to the client.
 */
export async function runClient(
  command: readonly string[],
  home: string,
  { done, lines = [], typed, isInTerminal = false, hasNoInput = false, env = {} }: RunOptions = {},
): Promise<Run> {
  const inTerminal = ['script', '-qfec', command.map(quote).join(' '), '/dev/null']
  const [program, ...args] = isInTerminal ? inTerminal : command
  const child = spawn(program!, args, {
    cwd: home,
    // Nothing of the user's.
    env: {
      PATH: `${join(home, 'bin')}:${process.env.PATH}`,
      HOME: home,
      BROWSER: join(home, 'bin/xdg-open'),
      MCP_REMOTE_CONFIG_DIR: home,
      ...(isInTerminal && { SHELL: '/bin/sh', TERM: 'xterm-256color', DISPLAY: ':0' }),
      ...INTERACTIVE,
      ...env,
    },
    // An open input: a client may take its end for the user's wish to leave.
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  if (hasNoInput) child.stdin.end()
  const ended = new Promise<number | null>((resolve) => child.once('close', (status) => resolve(status)))
  let output = ''
  let walked: Promise<unknown> | undefined
  let ending: NodeJS.Timeout | undefined
  let asks = typed
  const waiting = [...lines]
  const write = () => {
    const next = waiting.shift()
    if (next !== undefined) child.stdin.write(`${next}\n`)
    if (next?.includes('"notifications/')) write()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    for (const _ of chunk.toString().matchAll(/^\{"(?:jsonrpc|result|id)":/gm)) write()
  })
  write()
  const signIn = (text: string) => {
    const [url] = /http:\/\/localhost:\d+\/\S*authorize\?\S+(?=\s)/.exec(text) ?? []
    if (url !== undefined) walked ??= walk(new URL(url)).then((answer) => fetch(answer))
  }
  const end = () => {
    ending ??= setTimeout(() => child.kill('SIGTERM'), 1000)
  }
  const listen = (chunk: Buffer) => {
    output += chunk.toString()
    if (typeof done === 'string' && output.includes(done)) end()
    if (asks !== undefined && output.includes(asks.after)) {
      child.stdin.write(typeof asks.keys === 'string' ? asks.keys : asks.keys())
      asks = undefined
    }
    // A terminal breaks long lines, so there only the browser knows the address.
    if (!isInTerminal) signIn(output)
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  const looking = setInterval(async () => {
    if (typeof done === 'function' && done()) end()
    signIn(await readFile(join(home, 'opened'), 'utf8').catch(() => ''))
  }, 100)
  const deadline = setTimeout(() => child.kill('SIGKILL'), 90_000)
  const status = await ended
  clearTimeout(deadline)
  clearTimeout(ending)
  clearInterval(looking)
  await walked
  await rm(join(home, 'opened'), { force: true })
  return { output, status, signedIn: walked !== undefined }
}

/** Gives a client a home of its own, with a browser in it. */
export async function inHome<T>(use: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'lockgate-client-'))
  try {
    await mkdir(join(home, 'bin'))
    await writeFile(join(home, 'bin/xdg-open'), BROWSER)
    await chmod(join(home, 'bin/xdg-open'), 0o755)
    return await use(home)
  } finally {
    // A client that was ended may still write its last file.
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}
