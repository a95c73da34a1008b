import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { locate } from '../runtimes/locate.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { connect } from '../support/system.ts'
import { type Child, start } from './child.ts'
import { type Installation, install } from './installation.ts'
import { overHttp } from './peer.ts'
import { type StreamServer, startStreamServer } from './stream-server.ts'

const [bun, deno] = [locate('bun'), locate('deno')]
for (const [name, binary] of Object.entries({ bun, deno }))
  if (!binary)
    console.warn(`Signals, proxies and permissions are not tested on ${name}; its binary is missing`)

/** The names that the entry itself reads. */
const OWN =
  'TEST_URL,PORT,STORAGE,PROVIDER_ISSUER,PROVIDER_CLIENT_ID,PROVIDER_CLIENT_SECRET,MCP_URL,STREAM_URL,ASSERTION_ISSUER'

let installation: Installation
let provider: TestProvider
let mcp: { url: string; close(): Promise<void> }
let behind: StreamServer
let port: number
/** Not below /dev, which Deno guards by a permission of its own. */
let data: string
let url: string
/** A forward proxy that keeps what reaches it. */
let proxy: Server
const proxied: string[] = []

beforeAll(async () => {
  if (!bun && !deno) return
  port = await freePort()
  data = await mkdtemp('/var/tmp/lockgate-deno-')
  url = `http://localhost:${port}`
  proxy = createServer((request, response) => {
    proxied.push(request.url!)
    response.writeHead(502).end()
  }).on('connect', (request, socket) => {
    proxied.push(request.url!)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  ;[installation, provider, mcp, behind] = await Promise.all([
    install({
      tarball: process.env.LOCKGATE_PACKAGE,
      with: ['db0@0.4'],
      files: [new URL('./entries/', import.meta.url)],
    }),
    startProvider({ redirectUris: [`${url}/callback`] }),
    startMcpServer(),
    startStreamServer(),
  ])
}, 120_000)
afterAll(async () => {
  proxy?.close()
  await Promise.all([installation?.remove(), provider?.close(), mcp?.close(), behind?.close()])
  if (data) await rm(data, { recursive: true, force: true })
})
beforeEach(() => {
  proxied.length = 0
})

const proxyUrl = () => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
const environment = (storage: string, more: Record<string, string> = {}) => ({
  NO_COLOR: '1',
  // Deno would look for a newer version of itself, through the proxy.
  DENO_NO_UPDATE_CHECK: '1',
  TEST_URL: url,
  PORT: String(port),
  STORAGE: storage,
  PROVIDER_ISSUER: provider.issuer,
  PROVIDER_CLIENT_ID: provider.clientId,
  PROVIDER_CLIENT_SECRET: provider.clientSecret,
  MCP_URL: mcp.url,
  STREAM_URL: behind.url,
  ...more,
})

const command = (flags: string[]) => [deno!, 'run', '--no-prompt', '--no-remote', ...flags]

const serve = (flags: string[], env: Record<string, string>): Promise<Child> =>
  start([...command(flags), 'deno-serve.js'], { url: `${url}/health`, cwd: installation.folder, env })

/** Runs a program to its end. */
function run(flags: string[], file: string, env: Record<string, string>) {
  const [program, ...args] = [...command(flags), file]
  const ended = spawnSync(program!, args, {
    cwd: installation.folder,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 30_000,
  })
  return { code: ended.status, text: ended.stdout + ended.stderr }
}

const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'a test', version: '1' },
}

/** Signs in, and sends one request to the MCP server. @returns Its status. */
async function useOnce(): Promise<number> {
  const system = overHttp({ url } as never)
  const { tokens } = await connect(system)
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokens.access_token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: INITIALIZE }),
  })
  await response.text()
  return response.status
}

/** More than the 128 MiB that Bun accepts by default. */
const LARGE = 140_000_000

/** Signs in, and uploads a large body. @returns The status, and the number of bytes that the server behind got. */
async function upload(framing: 'length' | 'chunks') {
  const { tokens } = await connect(overHttp({ url } as never), { params: { resource: `${url}/stream` } })
  const headers = {
    authorization: `Bearer ${tokens.access_token}`,
    'content-type': 'application/octet-stream',
    ...(framing === 'length' ? { 'content-length': LARGE } : { 'transfer-encoding': 'chunked' }),
  }
  const part = Buffer.alloc(1_000_000)
  const parts = function* () {
    for (let sent = 0; sent < LARGE; sent += part.length) yield part
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest(`${url}/stream/upload`, { method: 'POST', headers }, resolve)
    request.on('error', reject)
    Readable.from(parts()).pipe(request)
  })
  const { bytes } = JSON.parse((await response.toArray()).join('')) as { bytes: number }
  return { status: response.statusCode, bytes }
}

describe.skipIf(!bun)('a server of Bun', () => {
  const serveBun = (env: Record<string, string>) =>
    start([bun!, 'run', 'bun-serve.js'], { url: `${url}/health`, cwd: installation.folder, env })

  test('passes on an upload of more than 128 MiB, with a length and in chunks', async () => {
    const child = await serveBun(environment('memory:'))
    try {
      expect(await upload('length')).toEqual({ status: 200, bytes: LARGE })
      expect(await upload('chunks')).toEqual({ status: 200, bytes: LARGE })
    } finally {
      await child.stop()
    }
  }, 120_000)

  test('keeps room for sign-ins, however many streams a user opens, and says how to get more', async () => {
    const child = await serveBun(environment('memory:'))
    const streams: IncomingMessage[] = []
    try {
      const { tokens } = await connect(overHttp({ url } as never), { params: { resource: `${url}/stream` } })
      const headers = { authorization: `Bearer ${tokens.access_token}` }
      const target = `${url}/stream/events?count=600&every=1000`
      // More than Bun sends to other servers at once.
      const opening = Array.from({ length: 260 }, async () => {
        const [response] = await once(httpRequest(target, { headers, agent: false }).end(), 'response')
        streams.push((response as IncomingMessage).on('error', () => {}))
      })
      await Promise.all(opening)
      const count = (status: number) => streams.filter(({ statusCode }) => statusCode === status).length
      expect([count(200), count(429)]).toEqual([100, 160])
      // Bun asks the provider for tokens, and for who it is.
      expect((await connect(overHttp({ url } as never))).tokens.access_token).toBeTruthy()
      for (const stream of streams) stream.destroy()
      await expect.poll(useOnce, { timeout: 20_000, interval: 500 }).toBe(200)
      expect(child.output()).toMatch(/at most 256 requests at a time.*BUN_CONFIG_MAX_HTTP_REQUESTS=20000/)
    } finally {
      for (const stream of streams) stream.destroy()
      await child.stop()
    }
    const roomy = await serveBun(environment('memory:', { BUN_CONFIG_MAX_HTTP_REQUESTS: '20000' }))
    await roomy.stop()
    expect(roomy.output()).not.toContain('at most 256')
  }, 120_000)

  test('ends with 0 at SIGTERM, and leaves no lock behind', async () => {
    const folder = join(data, 'stops-bun')
    const child = await serveBun(environment(`fs:${folder}`))
    expect(await useOnce()).toBe(200)
    expect(existsSync(join(folder, '.lock'))).toBe(true)
    expect(await child.stop()).toBe(0)
    expect(existsSync(join(folder, '.lock'))).toBe(false)
  }, 60_000)

  test.each([
    ['the command', [join('node_modules', 'lockgate', 'dist', 'cli.js'), 'serve', '--dev']],
    [
      'a server of Node',
      ['-e', "import('lockgate/node').then(({ serve }) => serve({ fetch: async () => new Response() }))"],
    ],
    ['a handler of Node', ['-e', "import('lockgate/node').then(({ toNodeHandler }) => toNodeHandler({}))"]],
  ])('is not made by %s: it does not start, and says what to use', (_name, args) => {
    const { PATH = '', HOME = '' } = process.env
    const env = { PATH, HOME, PORT: String(port), LOCKGATE_MCP: mcp.url }
    const run = spawnSync(bun!, args, { cwd: installation.folder, env, encoding: 'utf8', timeout: 20_000 })
    expect(run.status).toBe(1)
    expect(run.stderr).toMatch(/not run on Bun: .*lockgate\/bun/)
  })

  test.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])(
    'sends nothing of this machine through %s',
    async (name) => {
      const child = await serveBun(environment('memory:', { [name]: proxyUrl() }))
      try {
        expect(await useOnce()).toBe(200)
        expect(proxied).toEqual([])
      } finally {
        await child.stop()
      }
    },
    60_000,
  )
})

describe.skipIf(!deno)('a server of Deno', () => {
  test('ends with 0 at SIGTERM, and leaves no lock behind', async () => {
    const folder = join(data, 'stops')
    const child = await serve(['--allow-all'], environment(`fs:${folder}`))
    expect(await useOnce()).toBe(200)
    expect(existsSync(join(folder, '.lock'))).toBe(true)
    expect(await child.stop()).toBe(0)
    expect(child.output()).not.toMatch(/error|BadResource/i)
    expect(existsSync(join(folder, '.lock'))).toBe(false)
  }, 60_000)

  test.each([
    ['close()', 0, 'after the response'],
    ['close()', 60_000, 'after the drain time'],
    ['close(true)', 60_000, 'at once'],
  ])('resolves %s while a response takes %d ms: %s', async (call, takes, when) => {
    const file = join(installation.folder, `closes-${crypto.randomUUID()}.js`)
    await writeFile(
      file,
      `import { serve } from 'lockgate/deno'
const body = () => new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1)); if (!${takes}) c.close() } })
const served = serve({ fetch: async () => new Response(body()) }, { port: 0, drain: 1, onListen() {} })
const reader = (await fetch(served.url)).body.getReader()
await reader.read()
if (!${takes}) await reader.read()
const began = Date.now()
await served.${call}
const took = Date.now() - began
console.log(took < 900 ? 'soon' : took < 4000 ? 'drained' : 'late')
setTimeout(() => Deno.exit(0), 200)`,
    )
    const { code, text } = run(['--allow-all'], file, { NO_COLOR: '1' })
    expect([code, text.trim()]).toEqual([0, when === 'after the drain time' ? 'drained' : 'soon'])
  })

  describe('with a proxy in its environment', () => {
    test.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])(
      'sends nothing of this machine through %s, although it may not read it',
      async (name) => {
        const child = await serve(
          ['--allow-net', `--allow-env=${OWN},NO_PROXY`],
          environment('memory:', { [name]: proxyUrl() }),
        )
        try {
          expect(await useOnce()).toBe(200)
          expect(proxied).toEqual([])
        } finally {
          await child.stop()
        }
      },
      60_000,
    )

    test.each([`--allow-env=${OWN}`, `--allow-env=${OWN},HTTP_PROXY,no_proxy`])(
      'does not start with %s, and names the permission',
      (flag) => {
        const env = environment('memory:', { HTTP_PROXY: proxyUrl() })
        const { code, text } = run(['--allow-net', flag], 'deno-serve.js', env)
        expect(code).toBe(1)
        expect(text).toMatch(/mcp: .*start it with --allow-env=NO_PROXY/)
      },
    )
  })

  test.each(['fs:#/permitted', 'sqlite:#/permitted/a.db', 'deno-kv:#/permitted/b.db'])(
    'needs no permission but those of the documents for %s',
    async (storage) => {
      const flags = [
        '--allow-net',
        `--allow-env=${OWN},NO_PROXY`,
        `--allow-read=${data}`,
        `--allow-write=${data}`,
        '--unstable-kv',
      ]
      const child = await serve(flags, environment(storage.replace('#', data)))
      try {
        expect(await useOnce()).toBe(200)
      } finally {
        expect(await child.stop()).toBe(0)
      }
    },
    60_000,
  )

  test.each([
    ['fs:#/there', ['--allow-read'], /cannot write to \S+there: start Deno with --allow-write=\S+there/],
    [
      'fs:#/there',
      ['--allow-read', '--allow-write=elsewhere'],
      /cannot write to \S+there: start Deno with --allow-write=\S+there/,
    ],
    ['sqlite:#/there/a.db', ['--allow-read'], /start Deno with --allow-write=\S+there/],
    ['deno-kv:#/there/b.db', ['--allow-read', '--unstable-kv'], /start Deno with --allow-write=\S+there/],
    ['deno-kv:', [], /Deno KV needs the flag --unstable-kv/],
  ] as const)('does not start with %s and %j, and names the flag', async (storage, flags, expected) => {
    const env = environment(storage.replace('#', data))
    const { code, text } = run(['--allow-net', `--allow-env=${OWN},NO_PROXY`, ...flags], 'deno-serve.js', env)
    expect(code).toBe(1)
    expect(text).toMatch(expected)
  })

  test('names the flag of Deno KV when the proxy is created', async () => {
    await writeFile(
      join(installation.folder, 'kv.js'),
      `import { createProxy } from 'lockgate'
import { denoKv } from 'lockgate/storage/deno-kv'
import { options } from './options.js'
createProxy({ ...options(process.env), storage: denoKv() })`,
    )
    const { code, text } = run(['--allow-net', `--allow-env=${OWN},NO_PROXY`], 'kv.js', environment(''))
    expect(code).toBe(1)
    expect(text).toMatch(/storage: Deno KV needs the flag --unstable-kv/)
  })
})
