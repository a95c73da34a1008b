import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Child, start } from '../runtime/child.ts'
import { type Installation, install } from '../runtime/installation.ts'
import { startWorkerd } from '../runtime/workers.ts'
import { locate } from '../runtimes/locate.ts'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider, startProvider, type TestProvider } from '../support/provider.ts'

/** What `init` writes has to run as it is, from the package as a user gets it. */

const [bun, deno, workerd] = [locate('bun'), locate('deno'), locate('workerd')]
const RUNTIMES = ['node', 'environment', 'bun', 'deno', 'workers'] as const
const missing: Partial<Record<(typeof RUNTIMES)[number], string>> = {
  ...(!bun && { bun: 'Bun' }),
  ...(!deno && { deno: 'Deno' }),
  ...(!workerd && { workers: 'workerd' }),
}
for (const [name, program] of Object.entries(missing)) {
  console.warn(`What init writes for ${name} is not started; missing: ${program}`)
}

const ports = new Map<string, number>()
let installation: Installation
let provider: TestProvider
let mcp: { url: string; close(): Promise<void> }

beforeAll(async () => {
  for (const name of RUNTIMES) ports.set(name, await freePort())
  const redirectUris = [...ports.values()].map((port) => `http://localhost:${port}/callback`)
  ;[installation, provider, mcp] = await Promise.all([
    install({ tarball: process.env.LOCKGATE_PACKAGE, files: [] }),
    startProvider({ redirectUris }),
    startMcpServer(),
  ])
}, 120_000)
afterAll(() => Promise.all([installation?.remove(), provider?.close(), mcp?.close()]))

/** Signs in with the client of the MCP SDK. @returns The tools it found. */
async function signIn(url: string): Promise<string[]> {
  const browser = new Browser()
  const keeper: SignedInClient = new SignedInClient(async (address) => {
    const stopAt = keeper.redirectUrl
    const consent = asPage(await browser.open(address.href))
    const login = asPage(await browser.submit(consent, { decision: 'allow' }))
    return asUrl(await signInAtProvider(browser, login, { stopAt }))
  })
  const { client } = await connectV1(`${url}/mcp`, keeper)
  const { tools } = await client.listTools()
  await client.close()
  return tools.map(({ name }) => name)
}

async function empty(name: string): Promise<string> {
  // Beside `node_modules`, where every runtime finds the package.
  const folder = join(installation.folder, name)
  await mkdir(folder)
  return folder
}

const flagsOf = (runtime: (typeof RUNTIMES)[number]): string[] => [
  ...['--provider', 'oidc', '--issuer', provider.issuer, '--mcp', mcp.url, '--runtime', runtime],
  ...['--client-id', provider.clientId, '--client-secret', provider.clientSecret],
  ...['--url', `http://localhost:${ports.get(runtime)}`],
]

/** A shell in a group of its own, so that everything it started can be ended. */
function shell(command: string, cwd: string): { child: ChildProcess; output: () => string; end(): void } {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' }
  const child = spawn('sh', ['-c', command], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const end = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  return { child, output: () => output, end }
}

async function untilAnswers(url: string, output: () => string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answers = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (answers) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(output())
}

describe('in an empty folder', () => {
  test('npx lockgate serve --dev --mcp <url> signs a client in, without an account and without a configuration', async () => {
    const folder = await empty('dev')
    const port = await freePort()
    const url = `http://localhost:${port}`
    const began = Date.now()
    const run = shell(`npx lockgate serve --dev --mcp '${mcp.url}' --port ${port}`, folder)
    try {
      await untilAnswers(url, run.output)
      const browser = new Browser()
      const keeper: SignedInClient = new SignedInClient(async (address) => {
        const stopAt = keeper.redirectUrl
        const consent = asPage(await browser.open(address.href))
        const page = asPage(await browser.submit(consent, { decision: 'allow' }))
        const next = await browser.submit(page, { email: 'ada@example.com' }, { stopAt })
        return asUrl(typeof next === 'string' ? next : await browser.submit(next, {}, { stopAt }))
      })
      const { client } = await connectV1(`${url}/mcp`, keeper)
      const { content } = (await client.callTool({ name: 'echo', arguments: { message: 'hello' } })) as {
        content: { text: string }[]
      }
      expect(content[0]?.text).toContain('hello')
      expect(Date.now() - began).toBeLessThan(60_000)
      await client.close()
    } finally {
      run.end()
    }
  }, 60_000)

  test.each(['node', 'environment'] as const)(
    'npx lockgate init && npx lockgate serve signs a client in (%s)',
    async (runtime) => {
      const url = `http://localhost:${ports.get(runtime)}`
      const folder = await empty(runtime)
      const quoted = flagsOf(runtime).map((flag) => `'${flag}'`)
      const run = shell(`npx lockgate init ${quoted.join(' ')} && npx lockgate serve`, folder)
      try {
        await untilAnswers(url, run.output)
        expect(run.output()).toContain(`claude mcp add --transport http lockgate ${url}/mcp`)
        const doctor = shell(`npx lockgate doctor ${url}/mcp`, folder)
        const verdict = await new Promise((resolve) => doctor.child.once('close', resolve))
        expect(verdict, doctor.output()).toBe(0)
        expect(await signIn(url)).toContain('echo')
      } finally {
        run.end()
      }
    },
    60_000,
  )

  for (const runtime of ['bun', 'deno', 'workers'] as const) {
    test.skipIf(missing[runtime])(
      `npx lockgate init writes what ${runtime} runs as it is`,
      async () => {
        const url = `http://localhost:${ports.get(runtime)}`
        const folder = await empty(runtime)
        const quoted = flagsOf(runtime).map((flag) => `'${flag}'`)
        const run = shell(`npx lockgate init ${quoted.join(' ')}`, folder)
        const code = await new Promise((resolve) => run.child.once('close', resolve))
        expect(code, run.output()).toBe(0)
        const child = await START[runtime]({ folder, url, port: ports.get(runtime)! })
        try {
          expect(await signIn(url)).toContain('echo')
          if (runtime !== 'workers') expect(await child.stop(), child.output()).toBe(0)
        } finally {
          await child.stop()
        }
      },
      60_000,
    )
  }
})

interface Place {
  readonly folder: string
  readonly url: string
  readonly port: number
}

const START: Record<'bun' | 'deno' | 'workers', (place: Place) => Promise<Child>> = {
  bun: ({ folder, url }) => start([bun!, 'run', 'server.ts'], { url: `${url}/health`, cwd: folder }),
  async deno({ folder, url }) {
    // The very line that the file begins with.
    const line = /^\/\*\* deno (.+) \*\/$/m.exec(await readFile(join(folder, 'server.ts'), 'utf8'))![1]!
    const command = [deno!, ...line.replace('run', 'run --no-remote').split(' ')]
    return start(command, { url: `${url}/health`, cwd: folder, env: { DENO_DIR: join(folder, '.deno') } })
  },
  async workers({ folder, url, port }) {
    const env = parseEnv(await readFile(join(folder, '.dev.vars'), 'utf8')) as Record<string, string>
    // Comments apart, wrangler's own file is JSON.
    const wrangler = JSON.parse(await readFile(join(folder, 'wrangler.jsonc'), 'utf8')) as {
      main: string
      durable_objects: { bindings: { name: string }[] }
    }
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    const objects = wrangler.durable_objects.bindings[0]!.name
    return startWorkerd({
      binary: workerd!,
      folder,
      entry: wrangler.main,
      port,
      env,
      objects,
      url: `${url}/health`,
    })
  },
}
