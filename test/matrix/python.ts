/**
 * The MCP SDK for Python, as Debian has it. Its packages are unpacked into a folder and run from there, with the C library
 * and the Python that they were built for, so nothing on the machine changes.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.ts'
import type { Gate } from './gate.ts'
import { refreshes } from './processes.ts'
import { check } from './program.ts'
import { inHome, runClient } from './run-client.ts'

const CLIENT = fileURLToPath(new URL('./python-client.py', import.meta.url))
/** Below `node_modules`, which every tool of this repository leaves alone. */
const FOLDER = fileURLToPath(new URL('../matrix-large/node_modules/.debian/', import.meta.url))
const ROOT = join(FOLDER, 'root')
const LIBRARIES = join(ROOT, 'usr/lib/x86_64-linux-gnu')
const PACKAGE = 'python3-mcp'

interface Python {
  /** Why it cannot run here. */
  readonly missing: string | undefined
  /** Of the SDK. */
  readonly version: string
}

const python = (...args: readonly string[]): readonly string[] => [
  join(LIBRARIES, 'ld-linux-x86-64.so.2'),
  '--library-path',
  LIBRARIES,
  join(ROOT, 'usr/bin/python3'),
  ...args,
]
const ENV = { PYTHONHOME: join(ROOT, 'usr'), PYTHONPATH: join(ROOT, 'usr/lib/python3/dist-packages') }

const run = ([program, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}): string =>
  execFileSync(program!, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()

const lastLine = (error: unknown): string => {
  const { stderr, message } = error as { stderr?: string; message: string }
  return (stderr?.trim() || message).split('\n').at(-1)!
}

/** apt, with lists and packages of its own. */
function apt(...args: readonly string[]): void {
  const at = (path: string) => join(FOLDER, path)
  run([
    'apt-get',
    ...['-qq', '-y', '-o', `Dir::Etc::SourceList=${at('sources.list')}`, '-o', 'Dir::Etc::SourceParts=-'],
    ...['-o', `Dir::State=${FOLDER}`, '-o', `Dir::State::status=${at('status')}`],
    ...['-o', `Dir::Cache=${at('cache')}`, '-o', 'APT::Sandbox::User=root'],
    ...args,
  ])
}

function unpack(): void {
  rmSync(FOLDER, { recursive: true, force: true })
  for (const path of ['lists/partial', 'cache/archives/partial', 'unpacked']) {
    mkdirSync(join(FOLDER, path), { recursive: true })
  }
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const source = `deb [signed-by=${key}] http://deb.debian.org/debian sid main\n`
  writeFileSync(join(FOLDER, 'sources.list'), source)
  writeFileSync(join(FOLDER, 'status'), '')
  apt('update')
  apt('--no-install-recommends', '--download-only', 'install', PACKAGE)
  const archives = join(FOLDER, 'cache/archives')
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    run(['dpkg-deb', '-x', join(archives, file), join(FOLDER, 'unpacked')])
  }
  for (const path of ['lists', 'cache']) rmSync(join(FOLDER, path), { recursive: true })
  // Whole or not at all: an unpacking that was interrupted begins again.
  renameSync(join(FOLDER, 'unpacked'), ROOT)
}

/** Unpacks it once, and asks it for its version. */
export function installPython(): Python {
  try {
    if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('not Linux on x64')
    if (!existsSync(ROOT)) {
      console.log(`installing ${PACKAGE} of Debian`)
      unpack()
    }
    const version = "import importlib.metadata as m; print(m.version('mcp'))"
    return { missing: undefined, version: run(python('-c', version), ENV) }
  } catch (error) {
    return { missing: `${PACKAGE} of Debian unstable, on Linux on x64: ${lastLine(error)}`, version: '1.x' }
  }
}

/** Returns why no other version of it runs: the Python on the PATH is asked for it. */
export function whyNoNewerPython(): string {
  try {
    const found = run(['python3', '-c', 'import mcp; print(mcp.__file__)'])
    return `no test drives what is at ${found}`
  } catch (error) {
    return `it is on PyPI, and python3 on the PATH says "${lastLine(error)}"`
  }
}

/** Signs in, lists tools and calls one, and calls it again once the token has run out by both clocks. */
export const playPython = (gate: Gate): Promise<void> =>
  inHome(async (home) => {
    const before = refreshes(gate)
    const { output, signedIn } = await runClient(python(CLIENT, gate.mcp, String(await freePort())), home, {
      env: ENV,
      typed: {
        after: 'an hour later',
        keys: () => {
          gate.system.clock.ahead += 3601
          return '\n'
        },
      },
    })
    check(signedIn && output.includes('Echo: first'), `the SDK for Python signs in:\n${output}`)
    check(/\d\d tools, Echo: second/.test(output), `the SDK for Python comes back:\n${output}`)
    const issued = gate.system.events.filter(({ type }) => type === 'issued')
    check(issued.length === 1 && refreshes(gate) > before, `it refreshed its token:\n${output}`)
  })
