import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PassThrough, type Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { serve as serveHono } from '@hono/node-server'
import { Hono } from 'hono'
import type { OAuthProxy } from 'lockgate'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connect, register, type StartedSystem, startSystem } from '../support/system.ts'
import { adapt, blockOf } from './blocks.ts'

/** The code of the guides for other applications, as the guides print it. */

const INSIDE = 'docs/deploy/inside-another-app.md'
const SERVERLESS = 'docs/deploy/serverless.md'
/** Below the tests, so that the names of the package lead to the sources. */
let folder: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(new URL('../generated/guide-', import.meta.url).pathname)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Imports a block of a guide as a module of its own. */
async function load<T>(code: string): Promise<T> {
  const file = join(folder, `guide-${count++}.ts`)
  await writeFile(file, code)
  return (await import(/* @vite-ignore */ file)) as T
}

let system: StartedSystem | undefined
let server: Server | undefined
afterEach(async () => {
  server?.closeAllConnections()
  await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()))
  await system?.close()
  system = server = undefined
})

/** Serves a handler of Node on a port that `url` names. */
async function listen(make: (url: string) => Promise<(...args: never[]) => unknown>): Promise<string> {
  server = createServer()
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  server.on('request', (await make(url)) as never)
  return url
}

type Handler = (request: Request) => Promise<Response>

/** What every place that mounts the proxy must pass on: documents at the root, registration, the guard, and a token. */
async function isWhole(on: StartedSystem, handle: Handler): Promise<void> {
  const { origin, pathname } = new URL(on.url)
  const path = pathname === '/' ? '' : pathname
  const metadata = await handle(new Request(`${origin}/.well-known/oauth-authorization-server${path}`))
  expect(await metadata.json()).toMatchObject({ issuer: on.url })
  const refused = await handle(new Request(`${on.url}/mcp`, { method: 'POST', body: '{}' }))
  expect(refused.status).toBe(401)
  const through = {
    ...on,
    call: (to: string, init?: RequestInit) =>
      handle(new Request(to.startsWith('/') ? on.url + to : to, init)),
  }
  const client = await register(through)
  const { tokens } = await connect(on, { client })
  const answer = await handle(
    new Request(`${on.url}/mcp`, {
      method: 'POST',
      body: '{}',
      headers: { authorization: `Bearer ${tokens.access_token}` },
    }),
  )
  expect(await answer.json()).toMatchObject({ scopes: ['mcp'] })
}

test('Express mounts the proxy before its body parser', async () => {
  const { mount } = await load<{ mount(proxy: OAuthProxy): (...args: never[]) => unknown }>(
    blockOf(INSIDE, 'ts', "from 'express'"),
  )
  await listen(async (url) => {
    system = await startSystem({ url })
    return mount(system.proxy)
  })
  await isWhole(system!, (request) => fetch(request))
})

test('Hono mounts the proxy below its path, beside routes of its own', async () => {
  const { mount } = await load<{ mount(app: Hono, proxy: OAuthProxy): void }>(
    blockOf(INSIDE, 'ts', 'interface App'),
  )
  system = await startSystem({ url: 'https://example.com/tools' })
  const app = new Hono()
  mount(app, system.proxy)
  app.get('/hello', (context) => context.text('hello'))
  await isWhole(system, async (request) => app.fetch(request))
  expect(await (await app.request('https://example.com/hello')).text()).toBe('hello')
})

test('Hono passes on the request of Node, which tells the address of the client', async () => {
  const { mount } = await load<{ mount(app: Hono, proxy: OAuthProxy): void }>(
    blockOf(INSIDE, 'ts', 'interface App'),
  )
  system = await startSystem({ url: 'https://example.com/tools' })
  const seen = recordNative()
  const app = new Hono()
  mount(app, (globalThis as { system?: unknown }).system as OAuthProxy)
  const { port } = await new Promise<AddressInfo>((resolve) => {
    server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, resolve) as Server
  })
  expect((await fetch(`http://127.0.0.1:${port}/tools/health`)).status).toBe(200)
  expect(seen).toEqual([
    [expect.objectContaining({ socket: expect.objectContaining({ remoteAddress: '127.0.0.1' }) })],
  ])
})

/** Puts the system of the tests in the place of the options that a reader fills in. */
const withSystem = (code: string): string =>
  code
    .replace(/createProxy\(\{[\s\S]*?\n\}\)/, '(globalThis as { system?: unknown }).system as OAuthProxy')
    .replace(/^import .*\n/gm, '')
    .replace(/^/, "import type { OAuthProxy } from 'lockgate'\n")

test('the route handlers of Next.js export every method of HTTP that the proxy serves', async () => {
  const code = blockOf(INSIDE, 'ts', 'force-dynamic')
  system = await startSystem({ url: 'https://example.com/tools' })
  ;(globalThis as { system?: unknown }).system = system.proxy
  const route = await load<Record<string, Handler> & { dynamic: string }>(withSystem(code))
  expect(route.dynamic).toBe('force-dynamic')
  await isWhole(system, (request) => route[request.method]!(request))
  for (const method of ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST'])
    expect(route[method], method).toBeDefined()
})

/** Puts a system in the place of the guide's, and keeps what the platform passes besides each request. */
function recordNative(): unknown[][] {
  const seen: unknown[][] = []
  const { fetch } = system!.proxy
  const recording: OAuthProxy['fetch'] = (request, ...native) => {
    seen.push(native)
    return fetch(request, ...native)
  }
  ;(globalThis as { system?: unknown }).system = { ...system!.proxy, fetch: recording }
  return seen
}

test("the function of Vercel is a fetch handler with the platform's waitUntil, and every path leads to it", async () => {
  system = await startSystem({ url: 'https://mcp.example.com' })
  const seen = recordNative()
  const { default: handler } = await load<{ default: { fetch: Handler } }>(
    `const waitUntil = () => {}\n${withSystem(blockOf(SERVERLESS, 'ts', "from '@vercel/functions'"))}`,
  )
  // Vercel takes the function out of the object that is exported.
  const { fetch } = handler
  await isWhole(system, fetch)
  for (const native of seen) expect(native).toEqual([{ waitUntil: expect.any(Function) }])
  const config = JSON.parse(blockOf(SERVERLESS, 'json')) as {
    rewrites: { source: string; destination: string }[]
    functions: Record<string, { maxDuration: number }>
  }
  const [rewrite] = config.rewrites
  for (const path of ['/mcp', '/', '/.well-known/oauth-authorization-server'])
    expect(path).toMatch(new RegExp(`^${rewrite!.source}$`))
  expect(Object.keys(config.functions)).toEqual([`${rewrite!.destination.slice(1)}.ts`])
})

test('the function of Netlify takes every path, and passes the context that names the client', async () => {
  system = await startSystem({ url: 'https://mcp.example.com' })
  const seen = recordNative()
  const { default: handler, config } = await load<{
    default: (request: Request, context: object) => Promise<Response>
    config: { path: string }
  }>(withSystem(blockOf(SERVERLESS, 'ts', "config = { path: '/*' }")))
  expect(config.path).toBe('/*')
  const context = { ip: '203.0.113.7', waitUntil: () => {} }
  await isWhole(system, (request) => handler(request, context))
  for (const native of seen) expect(native).toEqual([context])
})

describe('the event of a Lambda function URL', () => {
  interface Event {
    rawPath: string
    rawQueryString: string
    headers: Record<string, string>
    cookies?: string[]
    body?: string
    isBase64Encoded: boolean
    requestContext: { http: { method: string; sourceIp: string } }
  }
  interface Adapter {
    toRequest(event: Event): Request
    createLambda(proxy: OAuthProxy): (event: Event, stream: Writable) => Promise<void>
    clientAddress(request: Request): string | undefined
  }
  const adapter = () => load<Adapter>(blockOf(SERVERLESS, 'ts', 'isBase64Encoded'))

  /** Lambda's own shape of a request, payload format 2.0. */
  async function toEvent(request: Request): Promise<Event> {
    const { pathname, search, host } = new URL(request.url)
    const body = Buffer.from(await request.arrayBuffer())
    const { cookie, ...headers } = Object.fromEntries(request.headers)
    return {
      rawPath: pathname,
      rawQueryString: search.slice(1),
      headers: { ...headers, host },
      ...(cookie && { cookies: cookie.split('; ') }),
      ...(body.length > 0 && { body: body.toString('base64') }),
      isBase64Encoded: body.length > 0,
      requestContext: { http: { method: request.method, sourceIp: '198.51.100.7' } },
    }
  }

  /** The global of Lambda's runtime, whose stream begins with the head of the response. */
  const runtime = {
    streamifyResponse: (handler: unknown) => handler,
    HttpResponseStream: {
      from: (stream: Writable, head: object) => Object.assign(stream, { head }),
    },
  }

  test('gets the response of the proxy as a stream', async () => {
    Object.assign(globalThis, { awslambda: runtime })
    const { createLambda, clientAddress } = await adapter()
    const events: string[] = []
    system = await startSystem({ url: 'https://mcp.example.com', clientAddress })
    const handler = createLambda(system.proxy)
    await isWhole(system, async (request) => {
      const stream = new PassThrough()
      const [, bytes] = await Promise.all([handler(await toEvent(request), stream), buffer(stream)])
      const { head } = stream as unknown as {
        head: { statusCode: number; headers: Record<string, string>; cookies: string[] }
      }
      const headers = new Headers(head.headers)
      for (const cookie of head.cookies) headers.append('set-cookie', cookie)
      events.push(String(head.statusCode))
      return new Response(bytes.length > 0 ? bytes : null, { status: head.statusCode, headers })
    })
    expect(events).toContain('401')
  })

  test('keeps its query, its cookies and the bytes of its body', async () => {
    const { toRequest, clientAddress } = await adapter()
    const given = new Request('https://mcp.example.com/consent?a=1&b=%2F', {
      method: 'POST',
      headers: { cookie: 'one=1; two=2', 'content-type': 'application/octet-stream' },
      body: Uint8Array.of(0, 255, 128),
    })
    const made = toRequest(await toEvent(given))
    expect(made.url).toBe('https://mcp.example.com/consent?a=1&b=%2F')
    expect(made.headers.get('cookie')).toBe('one=1; two=2')
    expect(clientAddress(made)).toBe('198.51.100.7')
    expect([...new Uint8Array(await made.arrayBuffer())]).toEqual([0, 255, 128])
    const plain = toRequest({
      ...(await toEvent(new Request('https://mcp.example.com/'))),
      body: undefined,
    } as never)
    expect([plain.method, plain.body]).toEqual(['GET', null])
  })
})

test('the guide adapts where its words are the same', () => {
  expect(() => adapt('listen 443', { 'listen 80': '' })).toThrow('expected listen 80')
  expect(() => blockOf(INSIDE, 'ts')).toThrow('blocks of ts')
})
