import { afterEach, describe, expect, test, vi } from 'vitest'
import { asUrl } from '../support/browser.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

let system: StartedSystem
afterEach(() => system.close())

const typesOf = ({ events }: StartedSystem) => events.map(({ type }) => type)
const CALL = { 'mcp-method': 'tools/call', 'mcp-name': 'echo' }

test('one sign-in, step by step, each under the id of its request', async () => {
  system = await startSystem()
  const { tokens } = await connect(system)
  await guarded(system, tokens.access_token, { method: 'POST', headers: CALL })
  expect(typesOf(system)).toEqual(['registered', 'consented', 'signed-in', 'issued', 'forwarded'])
  const ids = system.events.map(({ requestId }) => requestId)
  expect(new Set(ids).size, 'five requests').toBe(5)
  for (const id of ids) expect(id).toMatch(/^[\w-]{12}$/)
  const signedIn = system.events[2]!
  for (const name of ['client', 'user', 'grant', 'resource', 'provider'] as const) {
    expect(signedIn[name], name).toBeTypeOf('string')
    expect(system.events[4]![name], name).toBe(signedIn[name])
  }
})

describe('a request that reached the MCP server', () => {
  test('is told of with what it was answered, how soon, and what it asked for', async () => {
    system = await startSystem({
      mcp: async () => {
        await new Promise((resolve) => setTimeout(resolve, 30))
        return new Response(null, { status: 202 })
      },
    })
    const { tokens } = await connect(system)
    await guarded(system, tokens.access_token, { method: 'POST', headers: CALL })
    const told = system.events.at(-1)!
    expect(told).toMatchObject({ type: 'forwarded', status: 202, action: 'tools/call echo' })
    expect(told.duration).toBeGreaterThanOrEqual(29)
    expect(Number.isInteger(told.duration)).toBe(true)
  })

  test.each([
    [{}, undefined],
    [{ 'mcp-method': 'tools/list' }, 'tools/list'],
    [{ 'mcp-method': 'resources/read', 'mcp-name': 'https://files.example/?key=s3cret' }, 'resources/read'],
    [{ 'mcp-method': 'tools/call', 'mcp-name': 'a name with "quotes"' }, 'tools/call'],
    [{ 'mcp-method': 'no method', 'mcp-name': 'echo' }, undefined],
  ])('says of %j no more than %j', async (headers, action) => {
    system = await startSystem()
    const { tokens } = await connect(system)
    await guarded(system, tokens.access_token, { headers: headers as Record<string, string> })
    expect(system.events.at(-1)?.action).toBe(action)
  })

  test('is not timed where nobody listens', async () => {
    system = await startSystem({ on: {} })
    const { tokens } = await connect(system)
    // Reads the grant. Later requests read nothing.
    await guarded(system, tokens.access_token)
    const clock = vi.spyOn(performance, 'now')
    const ids = vi.spyOn(crypto, 'getRandomValues')
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    expect([clock.mock.calls.length, ids.mock.calls.length]).toEqual([0, 0])
    vi.restoreAllMocks()
  })
})

test('a refresh token that comes again is told of before the end of its grant, in one request', async () => {
  system = await startSystem({ refreshGrace: 0 })
  const { client, tokens } = await connect(system)
  await system.post('/token', refreshParams(client, tokens.refresh_token))
  system.events.length = 0
  expect(await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))).toEqual([
    400,
    'invalid_grant',
  ])
  expect(typesOf(system)).toEqual(['reuse-detected', 'grant-ended', 'refused'])
  expect(new Set(system.events.map(({ reason }) => reason))).toEqual(new Set(['refresh-token-reused']))
  expect(new Set(system.events.map(({ requestId }) => requestId)).size).toBe(1)
})

test('the page, the event and the answer to the client say the same', async () => {
  system = await startSystem()
  const client = await register(system)
  const page = await system.call(authorizeUrl(system, client, { redirect_uri: 'http://127.0.0.1:1/other' }))
  const text = await page.text()
  const told = system.events.at(-1)!
  expect(told).toMatchObject({
    type: 'refused',
    code: 'invalid_request',
    reason: 'redirect-uri-not-registered',
  })
  for (const said of [told.code, told.reason, told.requestId]) expect(text).toContain(`<code>${said}</code>`)
  const back = await system.call(authorizeUrl(system, client, { code_challenge_method: 'plain' }))
  expect(asUrl(back.headers.get('location')!).searchParams.get('error')).toBe(system.events.at(-1)?.code)
  expect(system.events.at(-1)?.reason).toBe('pkce-not-s256')
})

test('a listener that throws takes nothing down', async () => {
  system = await startSystem({
    on: {
      event() {
        throw new Error('the disk is full')
      },
    },
  })
  const { tokens } = await connect(system)
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
})
