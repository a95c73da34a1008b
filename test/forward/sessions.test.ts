import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ProxyOptions } from 'lockgate'
import { afterEach, describe, expect, test } from 'vitest'
import { connect, refreshParams, type StartedSystem, startSystem, type Tokens } from '../support/system.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A server with sessions: each POST without one opens one, and every request is written down. */
async function startBehind() {
  const seen: { method: string | undefined; session: unknown; last: unknown; names: string[] }[] = []
  let number = 0
  const server = createServer((request, response) => {
    const session = request.headers['mcp-session-id']
    const last = request.headers['last-event-id']
    seen.push({ method: request.method, session, last, names: Object.keys(request.headers) })
    request.resume().on('end', () => {
      response.setHeader('mcp-session-id', session ?? `session ${++number} of the server`)
      response.end(JSON.stringify({ session: session ?? null }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, seen }
}

type Behind = Awaited<ReturnType<typeof startBehind>>

/** The same server, behind the proxy or in its process. */
const KINDS: [string, (behind: Behind) => ProxyOptions['mcp']][] = [
  ['a forwarded server', ({ url }) => url],
  [
    'a server in the same process',
    ({ url }) =>
      async (request) => {
        const headers = new Headers(request.headers)
        headers.delete('authorization')
        const { method } = request
        const response = await fetch(url, { method, headers, ...(method === 'POST' && { body: '{}' }) })
        return new Response(await response.text(), response)
      },
  ],
]

const SECRET = 'a secret of the tests, long enough to be one'
const NEXT = 'the next secret of the tests, long enough for it'
const NOT_FOUND = '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'

describe.each(KINDS)('the session of %s', (_name, target) => {
  async function start(options: Partial<ProxyOptions> = {}) {
    const behind = await startBehind()
    const system = await startSystem({ mcp: target(behind), secret: SECRET, ...options })
    closing.push(() => system.close())
    const ada = await connect(system)
    const grace = await connect(system, { login: 'grace' })
    return { behind, system, ada, grace }
  }

  const send = (
    system: StartedSystem,
    { access_token: token }: Tokens,
    session?: string,
    init: RequestInit & { headers?: Record<string, string> } = {},
  ) =>
    system.call('/mcp', {
      method: 'POST',
      ...((init.method ?? 'POST') === 'POST' && { body: '{}' }),
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        ...(session !== undefined && { 'mcp-session-id': session }),
        ...init.headers,
      },
    })

  const open = async (system: StartedSystem, tokens: Tokens): Promise<string> =>
    (await send(system, tokens)).headers.get('mcp-session-id')!

  test('is the server’s own behind the proxy, and sealed before it', async () => {
    const { behind, system, ada } = await start()
    const session = await open(system, ada.tokens)
    expect(session).toMatch(/^[\x21-\x7e]{1,512}$/)
    expect(session).not.toContain('session 1')
    const response = await send(system, ada.tokens, session)
    expect([response.status, await response.json()]).toEqual([200, { session: 'session 1 of the server' }])
    expect(response.headers.get('mcp-session-id'), 'and stays what it is').toBe(session)
    expect(behind.seen.at(-1)?.session).toBe('session 1 of the server')
  })

  test.each(['POST', 'GET', 'DELETE'])('of one user is unknown to another: %s', async (method) => {
    const { behind, system, ada, grace } = await start()
    const session = await open(system, ada.tokens)
    const before = behind.seen.length
    const foreign = await send(system, grace.tokens, session, { method })
    const unknown = await send(system, ada.tokens, `${session}A`, { method })
    const raw = await send(system, ada.tokens, 'session 1 of the server', { method })
    for (const response of [foreign, unknown, raw]) {
      expect([response.status, await response.text()]).toEqual([404, NOT_FOUND])
      expect(response.headers.has('www-authenticate')).toBe(false)
    }
    expect(behind.seen, 'nothing of it reached the server').toHaveLength(before)
    expect(system.events.filter(({ type }) => type === 'refused').map(({ reason }) => reason)).toEqual([
      'session-of-another-user',
      'session-not-found',
      'session-not-found',
    ])
    expect((await send(system, ada.tokens, session, { method })).status).toBe(200)
  })

  test('is bound to user and client: it is unknown to another client of the same user', async () => {
    const { system, ada } = await start()
    const other = await connect(system)
    const session = await open(system, ada.tokens)
    expect((await send(system, other.tokens, session)).status).toBe(404)
  })

  test('goes on after a refresh, at another instance, after a restart, and with another secret', async () => {
    const { system, ada } = await start()
    const session = await open(system, ada.tokens)
    const refreshed = await system.post('/token', refreshParams(ada.client, ada.tokens.refresh_token))
    const tokens = (await refreshed.json()) as Tokens
    const rotated = system.another({ secret: [NEXT, SECRET] })
    for (const each of [system, system.another(), system.another({ secret: [SECRET, NEXT] }), rotated]) {
      const response = await send(each, tokens, session)
      expect([response.status, response.headers.get('mcp-session-id')]).toEqual([200, session])
    }
    const next = await open(rotated, tokens)
    const added = await send(system.another({ secret: [SECRET, NEXT] }), tokens, next)
    expect(added.status, 'one from an instance that is ahead').toBe(200)
    const removed = system.another({ secret: NEXT })
    const moved = await rotated.post('/token', refreshParams(ada.client, tokens.refresh_token))
    const last = (await moved.json()) as Tokens
    expect((await send(removed, last, session)).status, 'its secret is gone').toBe(404)
    expect((await send(removed, last, next)).status).toBe(200)
  })

  test('goes on after its user has signed in again with the same client', async () => {
    const { system, ada } = await start()
    const session = await open(system, ada.tokens)
    const again = await connect(system, { client: ada.client })
    expect((await send(system, again.tokens, session)).status).toBe(200)
  })

  test('is passed as it is only if the operator says so', async () => {
    const behind = await startBehind()
    const mcp = target(behind)
    const given = typeof mcp === 'string' ? { url: mcp } : { handler: mcp as never }
    const system = await startSystem({ mcp: { ...given, sessions: 'dangerously-unbound' } })
    closing.push(() => system.close())
    const [ada, grace] = [await connect(system), await connect(system, { login: 'grace' })]
    expect(await open(system, ada.tokens)).toBe('session 1 of the server')
    const response = await send(system, grace.tokens, 'session 1 of the server')
    expect(await response.json()).toEqual({ session: 'session 1 of the server' })
    await send(system, ada.tokens, undefined, { method: 'GET', headers: { 'last-event-id': 'event 1' } })
    expect(behind.seen.at(-1)?.last, 'and so is the id of an event').toBe('event 1')
  })

  test('is needed to go on with a broken stream: the id of an event alone reaches no server', async () => {
    const { behind, system, ada, grace } = await start()
    const session = await open(system, ada.tokens)
    const resume = (tokens: Tokens, id?: string, headers?: Record<string, string>) =>
      send(system, tokens, id, { method: 'GET', headers: { 'last-event-id': 'event of ada', ...headers } })
    expect((await resume(ada.tokens, session)).status).toBe(200)
    expect(behind.seen.at(-1), 'its owner goes on').toMatchObject({
      session: 'session 1 of the server',
      last: 'event of ada',
    })
    const before = behind.seen.length
    expect((await resume(grace.tokens, session)).status, 'the event of another user').toBe(404)
    expect((await resume(grace.tokens, `${session}A`)).status).toBe(404)
    expect(behind.seen).toHaveLength(before)
    const modern = { 'mcp-protocol-version': '2026-07-28' }
    for (const [id, headers] of [
      [undefined, {}],
      [undefined, modern],
      [session, modern],
    ] as const) {
      expect((await resume(grace.tokens, id, headers)).status, 'a new stream').toBe(200)
      expect(behind.seen.at(-1)).toMatchObject({ session: undefined, last: undefined })
    }
  })

  test('does not exist in a protocol version without sessions', async () => {
    const { behind, system, ada } = await start()
    const session = await open(system, ada.tokens)
    const headers = { 'mcp-protocol-version': '2026-07-28' }
    const response = await send(system, ada.tokens, session, { headers })
    expect([response.status, response.headers.has('mcp-session-id')]).toEqual([200, false])
    expect(behind.seen.at(-1)?.session).toBeUndefined()
  })
})

test('a header that a CGI-like server would read as that of a session or of an event is dropped', async () => {
  const behind = await startBehind()
  const system = await startSystem({ mcp: behind.url })
  closing.push(() => system.close())
  const { tokens } = await connect(system)
  const authorization = `Bearer ${tokens.access_token}`
  const headers = { authorization, mcp_session_id: 'session of another', last_event_id: 'event of another' }
  await system.call('/mcp', { method: 'POST', body: '{}', headers })
  expect(behind.seen.at(-1)?.names.filter((name) => /session|last/i.test(name))).toEqual([])
})

test('a server of one path does not accept the session of another', async () => {
  const behind = await startBehind()
  const system = await startSystem({
    mcp: [
      { path: '/a', url: behind.url },
      { path: '/b', url: behind.url },
    ],
  })
  closing.push(() => system.close())
  const at = async (path: string, token: string, session?: string) =>
    system.call(path, {
      method: 'POST',
      body: '{}',
      headers: { authorization: `Bearer ${token}`, ...(session && { 'mcp-session-id': session }) },
    })
  const client = await connect(system, { params: { resource: `${system.url}/a` } })
  const other = await connect(system, { client: client.client, params: { resource: `${system.url}/b` } })
  const session = (await at('/a', client.tokens.access_token)).headers.get('mcp-session-id')!
  expect((await at('/a', client.tokens.access_token, session)).status).toBe(200)
  expect((await at('/b', other.tokens.access_token, session)).status).toBe(404)
})
