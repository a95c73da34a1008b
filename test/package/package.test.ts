import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { walk } from '../matrix/gate.ts'
import { connectV1, SignedInClient } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { startFastServer, startWitness, type Witness } from '../support/witness.ts'
import { type ServedPackage, servePackage } from './served.ts'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const bin = (name: string) => join(root, 'node_modules/.bin', name)

/** The package as a user gets it: packed, then installed into an empty folder. */
let folder: string
let tarball: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockgate-package-'))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  tarball = join(folder, filename)
  await run('npm', ['init', '-y'], { cwd: folder })
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', tarball], {
    cwd: folder,
  })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const subpaths = Object.keys(packageJson.exports).filter((path) => path !== './package.json')

describe('the packed package', () => {
  test('holds the build and the documents, and nothing else', async () => {
    const { stdout } = await run('tar', ['tzf', tarball])
    for (const file of stdout.trim().split('\n')) {
      expect(file).toMatch(
        /^package\/(dist\/.+\.(js|d\.ts)|package\.json|docs\/.+\.md|(README|LICENSE|CHANGELOG|SECURITY|CONTRIBUTING)(\.md)?)$/,
      )
    }
  })

  test('runs no script when it is installed', () => {
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(packageJson.scripts).not.toHaveProperty(name)
    }
  })

  test.each(subpaths)('%s has its code and its types', async (path) => {
    const target = packageJson.exports[path as keyof typeof packageJson.exports]
    const installed = join(folder, 'node_modules/lockgate', target)
    expect((await readFile(installed)).length).toBeGreaterThan(0)
    expect((await readFile(installed.replace(/\.js$/, '.d.ts'))).length).toBeGreaterThan(0)
  })

  test('imports under its own name', async () => {
    // What needs an optional dependency, or another runtime, is proven by that runtime's own tests.
    const plain = [
      '.',
      './node',
      './providers/github',
      './providers/oauth2',
      './providers/oidc',
      './storage/fs',
      './storage/from-url',
      './storage/memory',
      './storage/unstorage',
    ]
    for (const path of plain) expect(subpaths).toContain(path)
    const code = plain.map((path) => `await import(${JSON.stringify(`lockgate${path.slice(1)}`)})`).join(';')
    await run(process.execPath, ['--input-type=module', '-e', code], { cwd: folder })
  })

  test('the root alone loads no storage driver and nothing of Node', async () => {
    const dist = join(folder, 'node_modules/lockgate/dist')
    const seen = new Set<string>()
    const follow = async (file: string): Promise<void> => {
      if (seen.has(file)) return
      seen.add(file)
      const code = await readFile(join(dist, file), 'utf8')
      for (const [, specifier] of code.matchAll(/(?:from|import\(|import)\s*['"]([^'"]+)['"]/g)) {
        expect(specifier).not.toMatch(/^node:|unstorage|ioredis|srvx|undici|citty|jiti/)
        if (specifier!.startsWith('./')) await follow(specifier!.slice(2))
      }
    }
    await follow('index.js')
    expect(seen.size).toBeGreaterThan(1)
    expect((await readdir(dist)).length).toBeGreaterThan(seen.size)
  })

  test('publint finds nothing', async () => {
    const { stdout } = await run(bin('publint'), ['--strict', tarball], { cwd: root })
    expect(stdout).toContain('All good!')
  })

  test('are the types wrong? no', async () => {
    // Ends with something else than 0 where it finds a problem.
    const { stdout } = await run(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'json'], {
      cwd: root,
      maxBuffer: 2 ** 26,
    })
    const { analysis } = JSON.parse(stdout) as { analysis: { entrypoints: Record<string, unknown> } }
    expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(subpaths))
  }, 60_000)

  test('its command answers', async () => {
    const command = join(folder, 'node_modules/.bin/lockgate')
    expect((await run(command, ['--version'])).stdout.trim()).toBe(packageJson.version)
    const { stdout: secret } = await run(command, ['secret'])
    expect(secret).toMatch(/^[\w-]{43}\n$/)
  })
})

describe('the packed package, with rules for tools', () => {
  let served: ServedPackage
  let provider: TestProvider
  let everything: Awaited<ReturnType<typeof startMcpServer>>
  let witnesses: Readonly<Record<'/mcp' | '/fast', Witness>>

  beforeAll(async () => {
    everything = await startMcpServer()
    const fast = await startFastServer(['search', 'echo'])
    witnesses = { '/mcp': await startWitness(everything.url), '/fast': fast }
    const rules = { scopes: ['base'], tools: { echo: 'talk' } }
    served = await servePackage(
      folder,
      async (url) => {
        provider = await startProvider({ redirectUris: [`${url}/callback`] })
        return provider
      },
      {
        scopes: { base: { description: 'Use', default: true }, talk: 'Talk' },
        mcp: Object.entries(witnesses).map(([path, { url }]) => ({ path, url, ...rules })),
        clients: [
          { clientId: 'limited', redirectUris: ['http://127.0.0.1:33418/callback'], scopes: ['base'] },
        ],
      },
    )
  }, 60_000)
  afterAll(async () => {
    await Promise.all([
      served?.close(),
      provider?.close(),
      witnesses?.['/mcp'].close(),
      witnesses?.['/fast'].close(),
    ])
    await everything?.close()
  })

  const echo = { name: 'echo', arguments: { message: 'hello' } }
  const calls = ({ bodies }: Witness) =>
    bodies.filter((body) => body.includes('"tools/call"') && body.includes('"echo"')).length

  const servers = [
    ['the reference server', '/mcp', 'Echo: hello'],
    ['a server with redirects, events and batches', '/fast', 'ran echo'],
  ] as const

  test.each(servers)(
    'a client of the SDK 1.x steps up once at %s, and gets the answer of the tool',
    async (_name, path, answer) => {
      const client = new SignedInClient(walk)
      client.clientMetadata.grant_types = ['authorization_code']
      const connected = await connectV1(served.url + path, client)
      const before = calls(witnesses[path])
      await expect(connected.client.callTool(echo)).rejects.toThrow()
      expect(calls(witnesses[path]), 'the server saw no call').toBe(before)
      await connected.transport.finishAuth(client.answer!.searchParams.get('code')!)
      expect(JSON.stringify(await connected.client.callTool(echo))).toContain(answer)
      expect([client.authorizations, calls(witnesses[path])]).toEqual([2, before + 1])
    },
  )

  test.each(servers)(
    'a client of the SDK 2.x steps up once at %s, and gets the answer of the tool',
    async (_name, path, answer) => {
      const client = new SignedInClientV2(walk)
      const connected = await connectV2(served.url + path, client)
      const before = calls(witnesses[path])
      await expect(connected.client.callTool(echo)).rejects.toThrow()
      expect(calls(witnesses[path]), 'the server saw no call').toBe(before)
      await connected.transport.finishAuth(client.answer!.searchParams)
      expect(JSON.stringify(await connected.client.callTool(echo))).toContain(answer)
      expect([client.authorizations, calls(witnesses[path])]).toEqual([2, before + 1])
    },
  )

  test.each(servers)(
    'a client that may never have the scope does not reach the tool at %s',
    async (_name, path) => {
      const client = new SignedInClient(walk)
      client.information = { client_id: 'limited' }
      const connected = await connectV1(served.url + path, client)
      const before = calls(witnesses[path])
      await expect(connected.client.callTool(echo)).rejects.toThrow()
      await expect(connected.client.callTool(echo)).rejects.toThrow()
      const headers = {
        authorization: `Bearer ${client.saved!.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      }
      const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: echo }
      for (const body of [call, [call], [{ jsonrpc: '2.0', id: 2, method: 'ping' }, call]]) {
        const response = await fetch(served.url + path, {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        })
        expect([response.status, response.headers.get('www-authenticate')]).toEqual([
          403,
          expect.stringContaining('scope="base talk"'),
        ])
      }
      expect(calls(witnesses[path]), 'its log is the witness').toBe(before)
    },
  )
})
