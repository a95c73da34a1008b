import { createHash, randomBytes } from 'node:crypto'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type Auth, ConfigError, type McpOptions } from 'lockgate'
import { serve } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { connect, guarded, outcome, type StartedSystem, startSystem } from '../support/system.ts'

const newKey = () => randomBytes(32).toString('base64url')
const hashOf = (key: string) => createHash('sha256').update(key).digest('hex')

const build = newKey()
const deploy = newKey()
const reader = newKey()
const SHORT = 'short, and therefore guessable'
const apiKeys = [
  { name: 'build', keyHash: hashOf(build), user: 'ci' },
  { name: 'deploy', keyHash: hashOf(deploy), user: 'ci' },
  { name: 'reader', keyHash: hashOf(reader), scopes: ['read'] },
  { name: 'short', keyHash: hashOf(SHORT) },
]
const show: McpOptions['handler'] = (_request, auth) =>
  Response.json({ ...auth, resource: auth.resource.href })

let system: StartedSystem
let arrived: Headers | undefined

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read', write: 'Write' },
    apiKeys,
    mcp: [
      { path: '/mcp', handler: show, scopes: ['read'] },
      { path: '/write', handler: show, scopes: ['read', 'write'] },
      {
        path: '/upstream',
        handler: async (_request, auth) => new Response(await auth.upstream.accessToken()),
      },
      { path: '/identity', url: 'http://behind.example/mcp' },
      { path: '/as-user', url: 'http://behind.example/mcp', forward: 'upstream-token' },
    ],
    fetch: async (input, init) => {
      if (!String(input).startsWith('http://behind.example/')) return fetch(input, init)
      arrived = new Headers(init?.headers)
      return new Response('behind')
    },
  })
})
afterAll(() => system.close())
beforeEach(() => {
  system.events.length = 0
  arrived = undefined
})

const bearer = (path: string, key: string) =>
  system.call(path, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${key}` } })

describe('a configured key', () => {
  test('passes without a sign-in, as the user it stands for, and touches no storage', async () => {
    const { reads, writes } = system.store
    const response = await bearer('/mcp', build)
    expect(response.status).toBe(200)
    const auth = (await response.json()) as Auth
    expect(auth).toMatchObject({
      clientId: 'api-key',
      scopes: ['read', 'write'],
      resource: `${system.url}/mcp`,
      extra: { apiKey: 'build', clientName: 'build' },
      user: { id: expect.stringMatching(/^[\w-]{22}$/), kind: 'key', emailVerified: false, claims: {} },
    })
    expect(auth.expiresAt).toBeGreaterThan(Date.now() / 1000)
    expect([system.store.reads, system.store.writes]).toEqual([reads, writes])
  })

  test('is one user with those of the same `user`, and another than all others', async () => {
    const idOf = async (key: string) => ((await (await bearer('/mcp', key)).json()) as Auth).user.id
    expect(await idOf(deploy)).toBe(await idOf(build))
    expect(await idOf(reader)).not.toBe(await idOf(build))
  })

  test('has its scopes and no more', async () => {
    expect((await bearer('/write', build)).status).toBe(200)
    const refused = await bearer('/write', reader)
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(await outcome(refused)).toEqual([403, 'insufficient_scope'])
    expect(system.events.at(-1)).toMatchObject({
      type: 'refused',
      reason: 'key-lacks-scope',
      detail: 'reader',
    })
  })

  test('has no token of the provider', async () => {
    expect(await outcome(await bearer('/upstream', build))).toEqual([403, 'access_denied'])
    expect(await outcome(await bearer('/as-user', build))).toEqual([403, 'access_denied'])
    expect(arrived).toBeUndefined()
  })

  test('stays here: the server behind hears who, of no grant, and not the key', async () => {
    expect((await bearer('/identity', build)).status).toBe(200)
    expect(arrived!.get('x-lockgate-client-name')).toBe('build')
    expect(arrived!.has('x-lockgate-grant')).toBe(false)
    expect(JSON.stringify([...arrived!])).not.toContain(build)
  })

  test('is told of once per process, and never shown', async () => {
    const another = system.another()
    for (let i = 0; i < 3; i++) expect((await guarded(another, build)).status).toBe(200)
    const told = system.events.filter(({ type }) => type === 'api-key-used')
    expect(told).toMatchObject([{ client: 'api-key', detail: 'build' }])
    expect(JSON.stringify(system.events)).not.toContain(build)
    expect(JSON.stringify(system.events)).not.toContain(hashOf(build))
  })

  test('ends when it is taken out of the configuration', async () => {
    const without = system.another({ apiKeys: apiKeys.slice(1) })
    expect(await outcome(await guarded(without, build))).toEqual([401, 'invalid_token'])
    expect((await guarded(without, deploy)).status).toBe(200)
  })
})

test.each([
  ['a key nobody configured', newKey()],
  ['the hash of a key', hashOf(build)],
  ['a key and one character more', `${build}A`],
  ['a key without its last character', build.slice(0, -1)],
  ['a key too short to be one, though its hash is there', SHORT],
])('%s is no way in', async (_name, key) => {
  const response = await bearer('/mcp', key)
  expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
  expect(await outcome(response)).toEqual([401, 'invalid_token'])
})

test('a key is no client, no code and no refresh token', async () => {
  const refresh = { grant_type: 'refresh_token', client_id: build, refresh_token: build }
  expect((await system.post('/token', refresh)).status).toBe(401)
  const { client } = await connect(system)
  const asToken = { grant_type: 'refresh_token', client_id: client.id, refresh_token: build }
  expect(await outcome(await system.post('/token', asToken))).toEqual([400, 'invalid_grant'])
})

test('keys belong to no tenant: a proxy of tenants does not start with any', () => {
  const upstream = () => oidc({ issuer: 'https://tenant.example', clientId: 'id', clientSecret: 'secret' })
  expect(() => system.another({ upstream })).toThrow('apiKeys')
})

test('who signs in is never the user of a key, and passes beside it', async () => {
  const { tokens } = await connect(system, { params: { scope: 'read' } })
  const auth = (await (await guarded(system, tokens.access_token)).json()) as Auth
  const key = (await (await bearer('/mcp', build)).json()) as Auth
  expect(auth.clientId).toMatch(/^dcr-/)
  expect(auth.user.id).not.toBe(key.user.id)
})

test.each<[string, Record<string, unknown>[]]>([
  ['apiKeys.0.keyHash', [{ name: 'a', keyHash: build }]],
  ['apiKeys.0.scopes', [{ name: 'a', keyHash: hashOf(build), scopes: ['unknown'] }]],
  ['apiKeys', [apiKeys[0]!, { ...apiKeys[1]!, name: 'build' }]],
  ['apiKeys', [apiKeys[0]!, { ...apiKeys[0]!, name: 'other' }]],
])('%s is refused where it is wrong, without being quoted', (path, wrong) => {
  let thrown: unknown
  try {
    system.another({ apiKeys: wrong as never })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(ConfigError)
  expect((thrown as ConfigError).issues.map((issue) => issue.path)).toEqual([path])
  expect((thrown as ConfigError).message).not.toContain(build)
})

test('a real client with a key as static bearer calls a tool over HTTP', async () => {
  const port = await freePort()
  const mcp = await startMcpServer()
  const over = await startSystem({ url: `http://localhost:${port}`, mcp: mcp.url, apiKeys: [apiKeys[0]!] })
  const server = await serve(over.proxy, { port })
  try {
    const headers = { authorization: `Bearer ${build}` }
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(new StreamableHTTPClientTransport(new URL(over.mcp), { requestInit: { headers } }))
    const result = await client.callTool({ name: 'echo', arguments: { message: 'by key' } })
    expect(JSON.stringify(result.content)).toContain('Echo: by key')
    await client.close()
  } finally {
    await Promise.all([server.close(true), mcp.close(), over.close()])
  }
})
