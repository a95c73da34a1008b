import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { ProxyEvent } from 'lockgate'
import { type NodeServer, serve } from 'lockgate/node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient, type Walk } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider } from '../support/provider.ts'
import { connect, type System, startSystem } from '../support/system.ts'
import { startFastServer, startWitness, type Witness } from '../support/witness.ts'

/** Real clients over real HTTP, in front of servers that know nothing of the rules. */
let system: System
let server: NodeServer
let mcp: Awaited<ReturnType<typeof startMcpServer>>
let witness: Witness
let fast: Witness
const events: ProxyEvent[] = []

beforeAll(async () => {
  const port = await freePort()
  mcp = await startMcpServer()
  witness = await startWitness(mcp.url)
  fast = await startFastServer(['search', 'delete_all'])
  const rules = { scopes: ['base'], tools: { echo: 'talk', 'delete_*': 'talk' }, audit: true }
  system = await startSystem({
    url: `http://localhost:${port}`,
    scopes: { base: { description: 'Use', default: true }, talk: 'Talk', rare: 'Never granted here' },
    mcp: [
      { path: '/mcp', url: witness.url, ...rules },
      { path: '/granted', url: witness.url, ...rules, list: 'granted' },
      { path: '/public', url: witness.url, ...rules, public: { tools: ['get-sum'] } },
      { path: '/fast', url: fast.url, ...rules, list: 'granted' },
    ],
    on: { event: (event) => events.push(event) },
  })
  server = await serve(system.proxy, { port })
})
afterAll(async () => {
  await Promise.all([server.close(true), witness.close(), fast.close(), system.close()])
  await mcp.close()
})
beforeEach(() => {
  witness.bodies.length = 0
  fast.bodies.length = 0
  events.length = 0
})

const walk: Walk = async (url) => {
  const browser = new Browser()
  const stopAt = url.searchParams.get('redirect_uri')!
  const consent = asPage(await browser.open(url.href))
  const login = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
  return asUrl(await signInAtProvider(browser, login, { stopAt }))
}

const echo = { name: 'echo', arguments: { message: 'hello' } }
const called = (name: string) => (body: string) => body.includes('"tools/call"') && body.includes(`"${name}"`)

describe('a client that lacks the scope of a tool asks for it once, and gets the answer of the tool', () => {
  test('the SDK 1.x, if it keeps no refresh token: with one it only refreshes', async () => {
    const provider = new SignedInClient(walk)
    provider.clientMetadata.grant_types = ['authorization_code']
    const { client, transport } = await connectV1(system.mcp, provider)
    expect(provider.saved!.scope).toBe('base')
    await expect(client.callTool(echo)).rejects.toThrow()
    expect(witness.bodies.filter(called('echo')), 'the server behind saw no call').toEqual([])
    expect(provider.authorizations).toBe(2)
    await transport.finishAuth(provider.answer!.searchParams.get('code')!)
    expect(JSON.stringify(await client.callTool(echo))).toContain('Echo: hello')
    expect(provider.saved!.scope?.split(' ').sort()).toEqual(['base', 'talk'])
    expect(provider.authorizations).toBe(2)
  })

  test('the SDK 2.x', async () => {
    const provider = new SignedInClientV2(walk)
    const { client, transport } = await connectV2(system.mcp, provider)
    await expect(client.callTool(echo)).rejects.toThrow()
    expect(witness.bodies.filter(called('echo'))).toEqual([])
    expect(provider.authorizations).toBe(2)
    await transport.finishAuth(provider.answer!.searchParams)
    expect(JSON.stringify(await client.callTool(echo))).toContain('Echo: hello')
    expect(provider.saved!.scope?.split(' ').sort()).toEqual(['base', 'offline_access', 'talk'])
    expect(provider.authorizations).toBe(2)
  })
})

test('a list of a real server has what the token permits', async () => {
  const provider = new SignedInClient(walk)
  const url = `${system.url}/granted`
  const { client } = await connectV1(url, provider)
  const names = (await client.listTools()).tools.map(({ name }) => name)
  expect(names).not.toContain('echo')
  expect(names.length).toBeGreaterThan(5)
  const all = new SignedInClient(walk)
  const { client: other } = await connectV1(`${system.url}/mcp`, all)
  expect((await other.listTools()).tools.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...names, 'echo']),
  )
})

test('a server that redirects, sends events and takes batches is guarded in the same way', async () => {
  const url = `${system.url}/fast`
  const { tokens } = await connect(system, { params: { resource: url } })
  const post = (body: unknown) =>
    fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(body),
    })
  const message = (method: string, name?: string) => ({ jsonrpc: '2.0', id: 1, method, params: { name } })
  const list = await (await post(message('tools/list'))).text()
  expect(list).toContain('search')
  expect(list).not.toContain('delete_all')
  expect(fast.bodies).toHaveLength(1)
  expect((await post([message('tools/call', 'search'), message('tools/call', 'delete_all')])).status).toBe(
    403,
  )
  expect(fast.bodies).toHaveLength(1)
  expect(await (await post([message('tools/list'), message('tools/call', 'search')])).text()).toContain(
    'ran search',
  )
  await expect.poll(() => events.filter(({ type }) => type === 'called').length).toBe(3)
})

describe('tools without a token', () => {
  const url = () => `${system.url}/public`

  test('a client without a provider lists tools, and calls those that are public', async () => {
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(new StreamableHTTPClientTransport(new URL(url())))
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo')
    expect(JSON.stringify(await client.callTool({ name: 'get-sum', arguments: { a: 1, b: 2 } }))).toContain(
      '3',
    )
    await expect(client.callTool(echo)).rejects.toMatchObject({ code: 401 })
    expect(witness.bodies.filter(called('echo'))).toEqual([])
    await client.close()
  })

  test('a client with one is sent to sign in at its first protected call, and not before', async () => {
    const provider = new SignedInClient(walk)
    const transport = new StreamableHTTPClientTransport(new URL(url()), { authProvider: provider })
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(transport)
    await client.listTools()
    await client.callTool({ name: 'get-sum', arguments: { a: 1, b: 2 } })
    expect(provider.authorizations).toBe(0)
    await expect(client.callTool(echo)).rejects.toThrow(/Unauthorized/)
    expect(provider.authorizations).toBe(1)
    await transport.finishAuth(provider.answer!.searchParams.get('code')!)
    expect(provider.saved!.scope?.split(' ').sort()).toEqual(['base', 'talk'])
    expect(JSON.stringify(await client.callTool(echo))).toContain('Echo: hello')
    expect(provider.authorizations).toBe(1)
    await client.close()
  })
})

/** Every request of a client, as `method, action, whether it shows a token, status`. */
function traced(): { fetch: typeof fetch; trace: string[] } {
  const trace: string[] = []
  return {
    trace,
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      const url = new URL(input instanceof Request ? input.url : input)
      const method = init?.method ?? 'GET'
      const message =
        url.pathname === '/public' && typeof init?.body === 'string' ? JSON.parse(init.body) : {}
      const action = [message.method, message.params?.name].filter(Boolean).join(' ')
      const token = new Headers(init?.headers).get('authorization')?.startsWith('Bearer ') ? 'token' : ''
      trace.push(
        [method, url.pathname, action, token, response.status].filter((part) => part !== '').join(' '),
      )
      return response
    },
  }
}

const PUBLIC_CALLS = [
  'POST /public initialize 200',
  'POST /public notifications/initialized 202',
  'POST /public tools/list 200',
  'POST /public tools/call get-sum 200',
  'POST /public tools/call echo 401',
]

/** Takes out the attempt to open a stream, which goes on beside the other requests and is told that there is none. */
function withoutStream(trace: readonly string[]): string[] {
  const stream = 'GET /public 405'
  expect(trace.filter((line) => line.startsWith('GET /public '))).toEqual([stream])
  return trace.filter((line) => line !== stream)
}

describe('the requests of a client of the SDK 2.x at a server with public tools', () => {
  const url = () => new URL(`${system.url}/public`)
  const sum = { name: 'get-sum', arguments: { a: 1, b: 2 } }

  test('without a provider: public tools without a token, and 401 for the protected one', async () => {
    const { fetch, trace } = traced()
    const client = new ClientV2({ name: 'test', version: '1.0.0' })
    await client.connect(new TransportV2(url(), { fetch }))
    await client.listTools()
    await client.callTool(sum)
    await expect(client.callTool(echo)).rejects.toThrow()
    await client.close()
    expect(withoutStream(trace)).toEqual(PUBLIC_CALLS)
  })

  test('with one: nothing asks for a sign-in before the protected call, which is then answered', async () => {
    const { fetch, trace } = traced()
    const provider = new SignedInClientV2(walk)
    const transport = new TransportV2(url(), { authProvider: provider, fetch })
    const client = new ClientV2({ name: 'test', version: '1.0.0' })
    await client.connect(transport)
    await client.listTools()
    await client.callTool(sum)
    expect(provider.authorizations).toBe(0)
    await expect(client.callTool(echo)).rejects.toThrow()
    await transport.finishAuth(provider.answer!.searchParams)
    expect(JSON.stringify(await client.callTool(echo))).toContain('Echo: hello')
    await client.close()
    expect(provider.authorizations).toBe(1)
    expect(provider.saved!.scope?.split(' ').sort()).toEqual(['base', 'offline_access', 'talk'])
    const documents = [
      'GET /.well-known/oauth-protected-resource/public 200',
      'GET /.well-known/oauth-authorization-server 200',
    ]
    expect(withoutStream(trace)).toEqual([
      ...PUBLIC_CALLS,
      ...documents,
      'POST /register 201',
      ...documents,
      'POST /token 200',
      'POST /public tools/call echo token 200',
    ])
  })
})

test('an audit tells of each action and its outcome', async () => {
  const provider = new SignedInClient(walk)
  const { client } = await connectV1(system.mcp, provider)
  await client.callTool({ name: 'get-sum', arguments: { a: 1, b: 2 } })
  await client.callTool({ name: 'get-sum', arguments: { a: 'no number', b: 2 } }).catch(() => {})
  const about = () => events.filter((event) => event.type === 'called' && event.tool === 'get-sum')
  await expect.poll(() => about().length).toBe(2)
  const [good, bad] = about()
  expect(good).toMatchObject({ method: 'tools/call', outcome: 'ok', status: 200, clientName: 'MCP SDK 1.x' })
  expect(good!.size).toBeGreaterThan(20)
  expect(good!.user).toMatch(/./)
  expect(good).not.toHaveProperty('arguments', expect.anything())
  expect(['tool-error', 'error']).toContain(bad!.outcome)
})
