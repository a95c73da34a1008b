import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documents, readDocument } from '../rules/snippets.ts'
import { start } from '../runtime/child.ts'
import { type Installation, install } from '../runtime/installation.ts'
import { startWorkerd } from '../runtime/workers.ts'
import { locate } from '../runtimes/locate.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { adapt, blockOf, blocksOf } from './blocks.ts'
import { callTool } from './sign-in.ts'

/** The words of the examples and guides, run by a shell from the packed package. */

const [bun, deno, workerd] = [locate('bun'), locate('deno'), locate('workerd')]
const EXAMPLES: Readonly<Record<string, { missing?: string | undefined; login?: Record<string, string> }>> = {
  'node-url': {},
  'node-express': {},
  'node-redis': { missing: noRedis },
  'own-login': { login: { name: 'ada', password: 'lovelace' } },
  bun: { missing: bun ? undefined : 'Bun' },
  'bun-serve': { missing: bun ? undefined : 'Bun' },
  deno: { missing: deno ? undefined : 'Deno' },
}
for (const [name, { missing }] of Object.entries(EXAMPLES)) {
  if (missing) console.warn(`The words of the example ${name} are not run; missing: ${missing}`)
}

/** Names that a guide uses for a reader's own things. */
const INSTALL = /^(npm install|bun add|deno add)\b/

const ports = new Map<string, number>()
let installation: Installation
let provider: TestProvider
let mcp: { url: string; close(): Promise<void> }
let redis: RedisServer | undefined

beforeAll(async () => {
  for (const name of [...Object.keys(EXAMPLES), 'bun.md', 'deno.md', 'variables'])
    ports.set(name, await freePort())
  const redirectUris = [...ports.values()].map((port) => `http://localhost:${port}/callback`)
  ;[installation, provider, mcp, redis] = await Promise.all([
    install({
      tarball: process.env.LOCKGATE_PACKAGE,
      with: ['express@5', 'ioredis@5', '@modelcontextprotocol/sdk@1'],
      files: [],
    }),
    startProvider({ redirectUris }),
    startMcpServer(),
    noRedis ? undefined : startRedis(),
  ])
  const bin = join(installation.folder, 'bin')
  await mkdir(bin)
  for (const [name, path] of [
    ['bun', bun],
    ['bunx', bun],
    ['deno', deno],
  ] as const) {
    if (path) await symlink(path, join(bin, name))
  }
  // tsx brings a compiler of its own for each platform, which this repository has already.
  const tsx = new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url).pathname
  await symlink(tsx, join(installation.folder, 'node_modules/.bin/tsx'))
}, 120_000)
afterAll(() => Promise.all([installation?.remove(), provider?.close(), mcp?.close(), redis?.stop()]))

/** A folder of a newcomer, below the one in which the package is installed. */
async function newcomer(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(installation.folder, name)
  await mkdir(folder, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
  return folder
}

const environment = (port: number) => ({
  PATH: `${installation.folder}/bin:${process.env.PATH}`,
  HOME: process.env.HOME!,
  NO_COLOR: '1',
  PORT: String(port),
  DENO_DIR: join(installation.folder, '.deno'),
})

/** Runs a block of commands in a group of its own, until its server responds. */
async function inShell(
  commands: string,
  { folder, port }: { folder: string; port: number },
  work: () => Promise<void>,
): Promise<void> {
  const child: ChildProcess = spawn('bash', ['-ec', commands], {
    cwd: folder,
    env: environment(port),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const ended = new Promise((resolve) => child.once('close', resolve))
  try {
    for (let tries = 0; ; tries++) {
      const ok = await fetch(`http://localhost:${port}/health`).then(
        (response) => response.ok,
        () => false,
      )
      if (ok) break
      if (tries > 400 || child.exitCode !== null) throw new Error(`${commands}\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await work()
  } finally {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
    await ended
  }
}

/** Puts this machine's things in the place of those that a guide's reader has. */
function localize(words: string, port: number): string {
  const own: Record<string, string> = {
    'https://login.example.com': provider.issuer,
    'https://id.example.com': provider.issuer,
    'OIDC_CLIENT_ID=…': `OIDC_CLIENT_ID=${provider.clientId}`,
    'OIDC_CLIENT_SECRET=…': `OIDC_CLIENT_SECRET='${provider.clientSecret}'`,
    'http://localhost:3001/mcp': mcp.url,
    'http://localhost:3000/mcp': mcp.url,
    'redis://localhost:6379': redis?.url ?? '',
    'my-application': provider.clientId,
    'its-secret': `'${provider.clientSecret}'`,
    '8787': String(port),
  }
  return Object.entries(own).reduce((text, [from, to]) => text.replaceAll(from, to), words)
}

describe('an example runs by the words of its README', () => {
  const folders = documents()
    .filter((file) => file.startsWith('examples/'))
    .map((file) => dirname(file).slice('examples/'.length))

  test('each has one', () => {
    expect(folders.filter((name) => !/^(workers|demo)/.test(name)).sort()).toEqual(
      Object.keys(EXAMPLES).sort(),
    )
  })

  for (const [name, { missing, login }] of Object.entries(EXAMPLES)) {
    const document = `examples/${name}/README.md`

    test(`${name}: installs every package that its code imports`, async () => {
      const [line] = blockOf(document, 'sh')
        .split('\n')
        .filter((one) => INSTALL.test(one))
      const installed = line!.replace(INSTALL, '').replaceAll('npm:', '').trim().split(' ')
      const code = readDocument(`examples/${name}/server.ts`)
      const imported = [...code.matchAll(/from '((?:@[\w-]+\/)?[\w-]+)/g)].map(([, one]) => one!)
      // The driver is loaded by the store.
      if (code.includes('storage/redis')) imported.push('ioredis')
      if (/npx tsx/.test(blockOf(document, 'sh'))) imported.push('tsx')
      expect([...new Set(imported)].sort()).toEqual([...installed].sort())
    })

    test.skipIf(missing)(
      `${name}: a client signs in and calls a tool`,
      async () => {
        const port = ports.get(name)!
        const folder = await newcomer(name, { 'server.ts': readDocument(`examples/${name}/server.ts`) })
        // The packed package is installed already. Its name in the registry would be that of a published one.
        const words = blockOf(document, 'sh')
          .split('\n')
          .filter((line) => !INSTALL.test(line))
          .join('\n')
          .replace('deno run --allow-env --allow-read npm:lockgate secret', 'npx lockgate secret')
        await inShell(localize(words, port), { folder, port }, async () => {
          expect(await callTool(`http://localhost:${port}/mcp`, { ...(login && { login }) })).toContain(
            'hello',
          )
        })
      },
      60_000,
    )
  }

  test.each(folders.filter((name) => name.startsWith('workers')))(
    '%s: names every secret of the Worker, and no other',
    async (name) => {
      const words = blockOf(`examples/${name}/README.md`, 'sh')
      const code = readDocument(`examples/${name}/worker.ts`)
      const [, members = ''] = /interface Env \{([\s\S]*?)\n\}/.exec(code)!
      const texts = [...members.matchAll(/^ {2}(\w+): string$/gm)].map(([, member]) => member!)
      const { vars } = JSON.parse(readDocument(`examples/${name}/wrangler.jsonc`)) as { vars: object }
      const secrets = [...words.matchAll(/wrangler secret put (\w+)/g)].map(([, secret]) => secret!)
      expect([...secrets, ...Object.keys(vars)].sort()).toEqual(texts.sort())
    },
  )

  test('demo: signs in by itself, calls a tool, and ends', async () => {
    const root = new URL('../..', import.meta.url).pathname
    expect(blockOf('examples/demo/README.md', 'sh')).toContain('npm run demo -- --check')
    const { stdout } = await promisify(execFile)('npm', ['run', 'demo', '--', '--check'], { cwd: root })
    expect(stdout).toMatch(/tool/i)
  }, 60_000)
})

describe('a guide runs by its own words', () => {
  test('the environment variables of the first server', async () => {
    const port = ports.get('variables')!
    const folder = await newcomer('variables', {})
    const words = blockOf('docs/guide/1-first-server.md', 'sh', 'export LOCKGATE_UPSTREAM=oidc')
    await inShell(localize(words, port), { folder, port }, async () => {
      expect(await callTool(`http://localhost:${port}/mcp`)).toContain('hello')
    })
  }, 60_000)

  test('the first example of the README serves, and says so', async () => {
    const port = await freePort()
    const [code] = blocksOf('README.md', 'ts')
    const folder = await newcomer('readme', {
      'server.ts': adapt(code!, {
        '/var/lib/lockgate': './data',
        'serve(proxy)': `serve(proxy, { port: ${port} })`,
      }),
      'package.json': '{"type":"module"}',
    })
    const env = {
      ...environment(port),
      LOCKGATE_SECRET: 'EMPVXqsyHGwQGOrXqzbeVv0M3GUXwLTrvKPRQTMOAu0',
      GITHUB_ID: 'id',
      GITHUB_SECRET: 'secret',
    }
    const url = `http://127.0.0.1:${port}/health`
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), 'server.ts']
    const child = await start(command, { url, cwd: folder, env })
    try {
      const metadata = await fetch(`http://127.0.0.1:${port}/.well-known/oauth-authorization-server`)
      expect(await metadata.json()).toMatchObject({ issuer: 'https://mcp.example.com' })
      expect(child.output()).toContain('https://mcp.example.com')
    } finally {
      await child.stop()
    }
  }, 60_000)

  /** The server of a guide, with this machine's provider in the place of GitHub. */
  const served = (document: string, port: number) =>
    adapt(blockOf(document, 'ts'), {
      "'https://mcp.example.com'": `'http://localhost:${port}'`,
      'process.env.LOCKGATE_SECRET!': "'a secret of the tests, long enough to be one'",
      "{ github } from 'lockgate/providers/github'": "{ oidc } from 'lockgate/providers/oidc'",
      'github({ clientId: process.env.GITHUB_ID!, clientSecret: process.env.GITHUB_SECRET! })': `oidc({ issuer: '${provider.issuer}', clientId: '${provider.clientId}', clientSecret: '${provider.clientSecret}' })`,
      "'http://localhost:3000/mcp'": `'${mcp.url}'`,
      "  allow: ['you@example.com'],\n": '',
      '8787': String(port),
    })

  test.skipIf(!bun)(
    'Bun',
    async () => {
      const port = ports.get('bun.md')!
      const document = 'docs/deploy/bun.md'
      const folder = await newcomer('bun.md', { 'server.ts': served(document, port) })
      const [, command] = /`(bun server\.ts)`/.exec(readDocument(document))!
      await inShell(command!, { folder, port }, async () => {
        expect(await callTool(`http://localhost:${port}/mcp`)).toContain('hello')
      })
    },
    60_000,
  )

  test.skipIf(!deno)(
    'Deno, with the permissions that the guide names',
    async () => {
      const port = ports.get('deno.md')!
      const document = 'docs/deploy/deno.md'
      const folder = await newcomer('deno.md', { 'server.ts': served(document, port) })
      const [, flags] = /`deno run ([^`]+ server\.ts)`/.exec(readDocument(document))!
      await inShell(`deno run --no-remote ${flags}`, { folder, port }, async () => {
        expect(await callTool(`http://localhost:${port}/mcp`)).toContain('hello')
      })
    },
    60_000,
  )

  test.skipIf(!workerd)(
    'Workers',
    async () => {
      const port = await freePort()
      const document = 'docs/deploy/workers.md'
      const wrangler = JSON.parse(blockOf(document, 'json', 'LockgateStore')) as {
        main: string
        compatibility_date: string
        durable_objects: { bindings: { name: string; class_name: string }[] }
      }
      const folder = await newcomer('workers.md', {
        [wrangler.main]: blockOf(document, 'ts', 'LockgateStore'),
      })
      const url = `http://127.0.0.1:${port}/health`
      const env = {
        SECRET: 'EMPVXqsyHGwQGOrXqzbeVv0M3GUXwLTrvKPRQTMOAu0',
        GITHUB_ID: 'id',
        GITHUB_SECRET: 'secret',
      }
      const [objects] = wrangler.durable_objects.bindings
      const child = await startWorkerd({
        binary: workerd!,
        folder,
        entry: wrangler.main,
        port,
        env,
        objects: objects!.name,
        compatibilityDate: wrangler.compatibility_date,
        url,
      })
      try {
        const refused = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', body: '{}' })
        expect(refused.status).toBe(401)
        expect(refused.headers.get('www-authenticate')).toContain('https://mcp.example.com')
        const consent = await fetch(`http://127.0.0.1:${port}/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ redirect_uris: ['http://127.0.0.1:1/callback'] }),
        })
        expect(consent.status).toBe(201)
      } finally {
        await child.stop()
      }
    },
    60_000,
  )
})

test('a Worker is given one compatibility date everywhere', async () => {
  const dates = [
    JSON.parse(blockOf('docs/deploy/workers.md', 'json', 'compatibility_date')),
    ...['workers', 'workers-kv', 'workers-handler'].map((name) =>
      JSON.parse(readDocument(`examples/${name}/wrangler.jsonc`)),
    ),
  ].map(({ compatibility_date: date }: { compatibility_date: string }) => date)
  const root = new URL('../..', import.meta.url).pathname
  const entries = await readFile(join(root, 'adapters/cli/init/entries.ts'), 'utf8')
  dates.push(/"compatibility_date": "([\d-]+)"/.exec(entries)![1]!)
  expect(new Set(dates).size, dates.join()).toBe(1)
})
