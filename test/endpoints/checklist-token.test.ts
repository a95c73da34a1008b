import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

let system: System
let client: TestClient

beforeAll(async () => {
  system = await startSystem({
    mcp: [
      { path: '/one', handler: (request) => Response.json({ headers: Object.fromEntries(request.headers) }) },
      { path: '/two', handler: () => Response.json({}) },
    ],
  })
  client = await register(system)
})
afterAll(() => system.close())

const at = (path: string, token: string, headers: Record<string, string> = {}) =>
  system.call(path, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}`, ...headers } })

describe('errors', () => {
  const HOSTILE = `"\\\n\r\u0000ü<b>`
  test.each([
    ['grant_type', { grant_type: HOSTILE }],
    ['code', { grant_type: 'authorization_code', code: HOSTILE, code_verifier: HOSTILE }],
    ['refresh_token', { grant_type: 'refresh_token', refresh_token: HOSTILE }],
    ['scope', { grant_type: 'refresh_token', refresh_token: 'x', scope: HOSTILE }],
    ['client_id', { grant_type: 'refresh_token', refresh_token: 'x', client_id: HOSTILE }],
  ])('say nothing of a hostile %s, in printable ASCII', async (_name, params: Record<string, string>) => {
    const response = await system.post('/token', { client_id: client.id, ...params })
    expect([400, 401]).toContain(response.status)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { error, error_description: text } = (await response.json()) as Record<string, string>
    expect(error).toMatch(/^[a-z_]+$/)
    expect(text).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  })
})

test('a client whose registration has ended is told so in the word that makes it register anew', async () => {
  const short = await startSystem({ registrationTtl: 60 })
  const own = await register(short)
  const { tokens } = await connect(short, { client: own })
  short.clock.ahead += 61
  const answer = await short.post('/token', refreshParams(own, tokens.refresh_token))
  expect(await outcome(answer)).toEqual([401, 'invalid_client'])
  await short.close()
})

test('a client without an id is refused', async () => {
  const { client_id: _, ...params } = redeemParams(client, await signIn(system, client))
  expect(await outcome(await system.post('/token', params))).toEqual([401, 'invalid_client'])
})

test('a token is for the resource that was authorized, and for no other of this server', async () => {
  for (const [own, other] of [
    ['/one', '/two'],
    ['/two', '/one'],
  ] as const) {
    const { tokens } = await connect(system, { client, params: { resource: system.url + own } })
    expect((await at(own, tokens.access_token)).status).toBe(200)
    expect((await at(other, tokens.access_token)).status).toBe(401)
    const elsewhere = { ...refreshParams(client, tokens.refresh_token), resource: system.url + other }
    expect(await outcome(await system.post('/token', elsewhere))).toEqual([400, 'invalid_target'])
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  }
})

test('what names no resource is bound to the first, not to all', async () => {
  const { tokens } = await connect(system, { client })
  expect((await at('/one', tokens.access_token)).status).toBe(200)
  expect((await at('/two', tokens.access_token)).status).toBe(401)
})

test('an access token refreshes nothing', async () => {
  const { tokens } = await connect(system, { client })
  const answer = await system.post('/token', refreshParams(client, tokens.access_token))
  expect(await outcome(answer)).toEqual([400, 'invalid_grant'])
})

test('a wrong hint does not save a token, and no token at all is an error', async () => {
  const { tokens } = await connect(system, { client })
  const hinted = { client_id: client.id, token: tokens.refresh_token, token_type_hint: 'access_token' }
  expect((await system.post('/revoke', hinted)).status).toBe(200)
  expect((await at('/one', tokens.access_token)).status).toBe(401)
  expect(await outcome(await system.post('/revoke', { client_id: client.id }))).toEqual([
    400,
    'invalid_request',
  ])
})

describe('the protected server', () => {
  let tokens: Tokens
  beforeAll(async () => {
    tokens = (await connect(system, { client })).tokens
  })

  test.each([undefined, '2025-03-26', '2026-07-28', 'nonsense'])(
    'judges the protocol version %s itself',
    async (version) => {
      const headers: Record<string, string> = version === undefined ? {} : { 'mcp-protocol-version': version }
      expect((await at('/one', tokens.access_token, headers)).status).toBe(200)
    },
  )

  test('gets the headers of the protocol as they were sent', async () => {
    const sent = { 'mcp-method': 'tools/call', 'mcp-name': 'echo', 'mcp-param-region': 'eu west' }
    const answer = (await (await at('/one', tokens.access_token, sent)).json()) as { headers: object }
    expect(answer.headers).toMatchObject(sent)
  })

  test.each(['GET', 'POST', 'DELETE'])('gets no %s for a session id alone', async (method) => {
    const headers = { 'mcp-session-id': 'a session that exists' }
    expect((await system.call('/one', { method, headers })).status).toBe(401)
  })
})

test('whose sign-in at the provider has ended gets no new token', async () => {
  const own = await startSystem({ providerTtl: 30 })
  const { client: connected, tokens } = await connect(own)
  own.provider.revokeAll()
  own.clock.ahead += 31
  const answer = await own.post('/token', refreshParams(connected, tokens.refresh_token))
  expect(await outcome(answer)).toEqual([400, 'invalid_grant'])
  expect((await guarded(own, tokens.access_token)).status).toBe(401)
  await own.close()
})
