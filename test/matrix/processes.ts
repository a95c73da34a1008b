import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { locate } from '../runtimes/locate.ts'
import { freePort } from '../support/free-port.ts'
import type { Gate } from './gate.ts'
import { check } from './program.ts'
import { inHome, type Run, runClient } from './run-client.ts'

const modules = fileURLToPath(new URL('./node_modules/', import.meta.url))
const REMOTE = join(modules, 'mcp-remote/dist/client.js')
const MCPORTER = join(modules, 'mcporter/dist/cli.js')
const INSPECTOR = join(modules, '@modelcontextprotocol/inspector/clients/launcher/build/index.js')

const OPENCODE = join(modules, 'opencode-linux-x64/bin/opencode')

/** Why OpenCode cannot run here. */
export const missingOpenCode: string | undefined = existsSync(OPENCODE)
  ? undefined
  : 'the package of test/matrix for Linux on x64 (npm ci --prefix test/matrix --ignore-scripts)'

/** What is missing for a client to run as a process; absent where nothing is. */
export const missingClients: string | undefined = !existsSync(REMOTE)
  ? 'the packages of test/matrix (npm ci --prefix test/matrix --ignore-scripts)'
  : locate('node24') === undefined
    ? 'the packages of test/runtimes (npm ci --prefix test/runtimes --ignore-scripts)'
    : undefined

/** A tool of the server behind, as mcp-remote prints it. */
const LISTED = '"name": "echo"'

/**
 * Signs in, lists tools, then again from its own files after the token has run out: it refreshes.
 *
 * @param folder The alias of the version below `node_modules`.
 */
export const playRemote = (gate: Gate, folder = 'mcp-remote'): Promise<void> =>
  inHome(async (home) => {
    const command = [process.execPath, join(modules, folder, 'dist/client.js'), gate.mcp, '--allow-http']
    const first = await runClient(command, home, { done: LISTED })
    check(first.output.includes(LISTED), `mcp-remote lists the tools:\n${first.output}`)
    const before = refreshes(gate)
    gate.system.clock.ahead += 3601
    const second = await runClient(command, home, { done: LISTED })
    check(second.output.includes(LISTED), `mcp-remote comes back:\n${second.output}`)
    check(!second.output.includes('Please authorize'), 'no second sign-in is needed')
    check(refreshes(gate) > before, 'it refreshed its token')
  })

/** Signs in by its own flow, lists tools, then again from its own files after the token has run out. */
export const playInspector = (gate: Gate): Promise<void> =>
  inHome(async (home) => {
    const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`
    const options = ['--cli', gate.mcp, '--transport', 'http', '--method', 'tools/list']
    const command = [locate('node24')!, INSPECTOR, ...options, '--callback-url', callback]
    const first = await runClient(command, home)
    check(first.output.includes('"name": "echo"'), `the inspector lists the tools:\n${first.output}`)
    const before = refreshes(gate)
    gate.system.clock.ahead += 3601
    const second = await runClient(command, home)
    check(second.output.includes('"name": "echo"'), `the inspector comes back:\n${second.output}`)
    check(refreshes(gate) > before, `it refreshed its token:\n${second.output}`)
  })

/** Signs in by its own command, then lists tools from its own files. It renews tokens by its own clock alone. */
export const playMcporter = (gate: Gate): Promise<void> =>
  inHome(async (home) => {
    const target = ['--http-url', gate.mcp, '--allow-http', '--name', 'gate']
    const mcporter = (...args: string[]) => runClient([locate('node24')!, MCPORTER, ...args, ...target], home)
    const signedIn = await mcporter('auth', '--no-browser')
    check(signedIn.status === 0, `mcporter signs in:\n${signedIn.output}`)
    const first = await mcporter('list', '--no-oauth', '--brief')
    check(first.output.includes('echo'), `mcporter lists the tools:\n${first.output}`)
  })

/** Signs in by its own command, connects, then connects again from its own files after the token has run out. */
export const playOpenCode = (gate: Gate): Promise<void> =>
  inHome(async (home) => {
    // A busy machine needs longer than its own limit.
    const settings = { autoupdate: false, mcp: { gate: { type: 'remote', url: gate.mcp, timeout: 60_000 } } }
    await mkdir(join(home, '.config/opencode'), { recursive: true })
    await writeFile(join(home, '.config/opencode/opencode.json'), JSON.stringify(settings))
    const signedIn = await runClient([OPENCODE, 'mcp', 'auth', 'gate'], home)
    check(signedIn.output.includes('Authentication successful'), `OpenCode signs in:\n${signedIn.output}`)
    const first = await runClient([OPENCODE, 'mcp', 'list'], home)
    check(/✓.*gate.*connected/s.test(first.output), `OpenCode connects:\n${first.output}`)
    const before = refreshes(gate)
    gate.system.clock.ahead += 3601
    const second = await runClient([OPENCODE, 'mcp', 'list'], home)
    check(/✓.*gate.*connected/s.test(second.output), `OpenCode comes back:\n${second.output}`)
    check(!second.signedIn, 'no second sign-in is needed')
    check(refreshes(gate) > before, `it refreshed its token:\n${second.output}`)
  })

export const refreshes = (gate: Gate): number =>
  gate.system.events.filter(({ type }) => type === 'refreshed').length

const message = (id: number | undefined, method: string, params: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', ...(id !== undefined && { id }), method, params })

/** Lists tools, and calls a public and a protected one, by way of mcp-remote as a host would start it. */
export async function callByRemote(mcp: string): Promise<Run> {
  const command = [process.execPath, join(modules, 'mcp-remote/dist/proxy.js'), mcp, '--allow-http']
  const clientInfo = { name: 'host', version: '1.0.0' }
  return inHome((home) =>
    runClient(command, home, {
      done: 'Echo: hello',
      lines: [
        message(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }),
        message(undefined, 'notifications/initialized'),
        message(2, 'tools/list'),
        message(3, 'tools/call', { name: 'get-sum', arguments: { a: 1, b: 2 } }),
        message(4, 'tools/call', { name: 'echo', arguments: { message: 'hello' } }),
      ],
    }),
  )
}

/** Calls one tool by the command line of the inspector, or lists them. */
export async function callByInspector(mcp: string, ...args: readonly string[]): Promise<Run> {
  const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`
  const options = ['--cli', mcp, '--transport', 'http', '--callback-url', callback]
  const command = [locate('node24')!, INSPECTOR, ...options, ...args]
  return inHome((home) => runClient(command, home))
}
