import type { AnonymousAuth, Auth, McpOptions } from 'lockgate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

interface Seen {
  readonly body: string
  readonly user: string | undefined
  readonly headers: Headers
  readonly method: string
}
const log: Seen[] = []
let system: StartedSystem
const tokens: Record<string, string> = {}

const TOOLS = { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'search' }, { name: 'delete_all' }] } }

beforeAll(async () => {
  const handler = async (request: Request, auth: Auth | AnonymousAuth) => {
    const body = await request.text()
    log.push({ body, user: auth.user?.id, headers: request.headers, method: request.method })
    if (body.includes('"initialize"')) {
      return Response.json({ jsonrpc: '2.0', id: 1, result: {} }, { headers: { 'mcp-session-id': 'inner' } })
    }
    return Response.json(TOOLS)
  }
  const common = {
    handler,
    scopes: ['base'],
    tools: { 'delete_*': 'write' },
    public: { tools: ['search', 'docs_*'], prompts: ['hello'] },
  }
  const listing = { ...common, list: 'granted' }
  system = await startSystem({
    scopes: { base: { description: 'Use', default: true }, write: 'Write' },
    mcp: [
      { ...common, path: '/mcp' },
      { ...listing, path: '/granted' },
      { ...listing, path: '/hidden', public: { ...common.public, list: 'public' } },
      { ...common, path: '/strict', public: { ...common.public, upgrade: 'refuse' } },
      {
        ...common,
        path: '/except',
        tools: { 'docs_*': 'write', docs_secret: 'deny', docs_admin: 'write', '*': 'write' },
        prompts: { hello: 'deny' },
        methods: { 'tools/list': 'deny' },
        resources: { 'DB://secret/*': 'deny' },
        public: { tools: ['search', 'docs_*', 'docs_open'], prompts: ['*'], resources: ['*'] },
      },
      {
        ...listing,
        path: '/listed',
        tools: { search: 'deny', '*': 'write' },
        public: { tools: ['search', 'delete_*'], list: 'public' },
      },
      {
        ...common,
        path: '/documents',
        resources: { 'docs://open/secret': 'write' },
        public: { resources: ['docs://open/*', 'docs://index/', 'docs://my%20page'] },
      },
      { path: '/closed', handler },
    ] as McpOptions[],
    limits: { anonymous: 60 },
    clientAddress: (request: Request) => request.headers.get('x-test-address') ?? '192.0.2.1',
  })
  for (const path of ['/mcp', '/strict', '/granted'])
    for (const login of ['ada', 'grace']) {
      const params = { resource: system.url + path }
      tokens[`${path} ${login}`] = (await connect(system, { params, login })).tokens.access_token
    }
})
afterAll(() => system.close())
let addresses = 0
beforeEach(() => {
  log.length = 0
  addresses++
  system.events.length = 0
})

const send = (
  body: unknown,
  {
    path = '/mcp',
    headers = {},
    login,
    method = 'POST',
  }: { path?: string; headers?: Record<string, string>; login?: string; method?: string } = {},
) =>
  system.call(path, {
    method,
    headers: {
      'x-test-address': `198.51.100.${addresses}`,
      ...(login !== undefined && { authorization: `Bearer ${tokens[`${path} ${login}`]}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
const message = (method: string, params: object = {}, id: number | undefined = 1) => ({
  jsonrpc: '2.0',
  method,
  params,
  ...(id !== undefined && { id }),
})
const call = (name: string) => message('tools/call', { name })

describe('without a token', () => {
  test('an empty field of credentials counts as none', async () => {
    const response = await send(message('ping'), { headers: { authorization: '' } })
    expect([response.status, log.length]).toEqual([200, 1])
    expect((await send(message('ping'), { path: '/closed', headers: { authorization: '' } })).status).toBe(
      401,
    )
  })

  test.each([
    message('initialize'),
    message('notifications/initialized'),
    message('ping'),
    message('server/discover'),
    message('tools/list'),
    call('search'),
    call('docs_read'),
    message('prompts/get', { name: 'hello' }),
    [message('ping'), call('search')],
  ])('%j passes', async (body) => {
    const response = await send(body)
    expect(response.status).toBe(200)
    expect(log).toHaveLength(1)
    expect(log[0]!.user).toBeUndefined()
  })

  test.each([
    [call('delete_all'), 'base write'],
    [call('other'), 'base'],
    [message('prompts/get', { name: 'secret' }), 'base'],
    [message('resources/list'), 'base'],
    [message('resources/read', { uri: 'x://y' }), 'base'],
    [message('completion/complete', { ref: { type: 'ref/prompt', name: 'hello' } }), 'base'],
    [[message('ping'), call('delete_all')], 'base write'],
    [{ jsonrpc: '2.0', id: 1, result: {} }, 'base'],
    ['', 'base'],
    ['no JSON', 'base'],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"delete_all"}}', 'base'],
  ])('%j is answered with 401 and the scopes that it needs', async (body, scope) => {
    const response = await send(body)
    expect(response.status).toBe(401)
    const challenge = response.headers.get('www-authenticate') ?? ''
    expect(challenge).toContain(`scope="${scope}"`)
    expect(challenge).toContain('resource_metadata="')
    expect(challenge).not.toContain('error=')
    expect(log).toEqual([])
  })

  test('a body that is too large is answered with 401', async () => {
    const response = await send(message('ping', { text: 'x'.repeat(2_000_000) }))
    expect(response.status).toBe(401)
    expect(log).toEqual([])
  })

  test('a stream is refused in a way that starts no sign-in, and other requests are not', async () => {
    const get = (accept: string) => send(undefined, { method: 'GET', headers: { accept } })
    expect((await get('text/event-stream')).status).toBe(405)
    expect((await get('application/json')).status).toBe(401)
    expect((await send(undefined, { method: 'DELETE' })).status).toBe(401)
    expect(log).toEqual([])
  })

  test('nothing passes to an address below the server', async () => {
    expect((await send(call('search'), { path: '/mcp/' })).status).toBe(200)
    expect((await send(call('search'), { path: '/mcp/admin' })).status).toBe(401)
    expect(log).toHaveLength(1)
  })

  test('nothing passes at a server without public tools', async () => {
    expect((await send(message('tools/list'), { path: '/closed' })).status).toBe(401)
    expect(log).toEqual([])
  })

  test('another way to show a token is no way to be anonymous', async () => {
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer x', 'bearer lgk_unknown']) {
      const response = await send(call('search'), { headers: { authorization } })
      expect(response.status, authorization).toBe(401)
    }
    expect((await send(call('search'), { path: '/mcp?access_token=x' })).status).toBe(401)
    expect(log).toEqual([])
  })

  test('the metadata is as with a server that has no public tools', async () => {
    const of = async (path: string) =>
      (await system.call(`/.well-known/oauth-protected-resource${path}`)).json() as Promise<
        Record<string, unknown>
      >
    const [open, closed] = [await of('/mcp'), await of('/closed')]
    expect(Object.keys(open)).toEqual(Object.keys(closed))
  })
})

test.each([
  ['tools/call', { name: 'search' }, 200],
  ['tools/call', { name: 'docs_open' }, 200],
  ['tools/call', { name: 'docs_secret' }, 401],
  ['tools/call', { name: 'docs_admin' }, 401],
  ['tools/call', { name: 'docs_other' }, 401],
  ['prompts/get', { name: 'hello' }, 401],
  ['prompts/get', { name: 'other' }, 200],
  ['resources/read', { uri: 'db://secret/1' }, 401],
  ['resources/read', { uri: 'Db://SECRET/1' }, 401],
  ['resources/read', { uri: 'db://open/1' }, 200],
  ['tools/list', {}, 401],
])('a public name opens nothing that a rule fits as exactly: %s %j is %i', async (method, params, status) => {
  const response = await send({ jsonrpc: '2.0', id: 1, method, params }, { path: '/except' })
  expect(response.status).toBe(status)
  expect(log).toHaveLength(status === 200 ? 1 : 0)
})

test.each([
  ['docs://open/a', 200],
  ['docs://open/a?x', 200],
  ['docs://open/', 200],
  ['docs://index/', 200],
  ['docs://my%20page', 200],
  ['docs://my page', 200],
  ['docs://index', 401],
  ['docs://open/secret', 401],
  ['docs://open/secret?x', 401],
  ['docs://open//secret', 401],
  ['docs://open/%2573ecret', 401],
  ['docs://open/x/../../../index/', 200],
  ['docs://open/..%5c..%5cother', 401],
  ['docs:other', 401],
  ['docs://open/%00', 401],
])('a resource is public only if it is in every spelling: %s is %i', async (uri, status) => {
  expect((await send(message('resources/read', { uri }), { path: '/documents' })).status).toBe(status)
  expect(log).toHaveLength(status === 200 ? 1 : 0)
})

test('a body opens nothing for DELETE', async () => {
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
  expect((await send(ping, { method: 'DELETE' })).status).toBe(401)
  expect(log).toEqual([])
})

test('a user may use public tools, with any scopes', async () => {
  expect((await send(call('search'), { login: 'ada' })).status).toBe(200)
  expect((await send(call('delete_all'), { login: 'ada' })).status).toBe(403)
  expect(log[0]!.user).toMatch(/./)
})

test('a caller without a token carries nothing of the user before', async () => {
  await send(call('search'), { login: 'ada' })
  await send(call('search'))
  const [, anonymous] = log
  expect(anonymous!.user).toBeUndefined()
  expect(
    [...anonymous!.headers.keys()].filter(
      (name) => name.startsWith('x-lockgate') || name === 'authorization',
    ),
  ).toEqual([])
})

test('too many of them from one address are refused, and nothing is stored', async () => {
  const before = system.store.writes
  const began = Date.now()
  const statuses = []
  // No other test has used the allowance of this address.
  const headers = { 'x-test-address': '203.0.113.77' }
  for (let n = 0; n < 200; n++) statuses.push((await send(call('search'), { headers })).status)
  const passed = statuses.filter((status) => status === 200).length
  // The allowance grows by one each second, also while the test runs.
  expect(passed).toBeGreaterThanOrEqual(60)
  expect(passed).toBeLessThanOrEqual(61 + (Date.now() - began) / 1000)
  expect(statuses.filter((status) => status === 429)).toHaveLength(200 - passed)
  expect(system.store.writes).toBe(before)
  const limited = system.events.find(({ type }) => type === 'rate-limited')
  expect(limited).toMatchObject({ type: 'rate-limited', reason: 'limit-anonymous' })
  const other = await send(call('search'), { headers: { 'x-test-address': '203.0.113.9' } })
  expect(other.status).toBe(200)
})

test('a batch is worth as many requests as it has messages', async () => {
  const batch = (size: number) => Array.from({ length: size }, (_, id) => ({ ...call('search'), id }))
  const statuses = []
  for (const size of [61, 30, 29, 30, 10_000]) statuses.push((await send(batch(size))).status)
  expect(statuses).toEqual([429, 200, 200, 429, 429])
  expect(log).toHaveLength(2)
  expect((await send(batch(61))).headers.get('retry-after')).toMatch(/^\d+$/)
})

describe('a list', () => {
  const names = async (path: string, login?: string) => {
    const response = await send(message('tools/list'), { path, ...(login !== undefined && { login }) })
    const body = (await response.json()) as typeof TOOLS
    return [body.result.tools.map(({ name }) => name), response.headers.get('cache-control')]
  }
  test('shows a caller without a token what a sign-in is good for, unless the operator hides it', async () => {
    expect(await names('/granted')).toEqual([['search', 'delete_all'], 'private, no-store'])
    expect(await names('/hidden')).toEqual([['search'], 'private, no-store'])
    expect(await names('/granted', 'ada')).toEqual([['search'], 'private, no-store'])
  })

  test('shows no public name that a rule denies', async () => {
    expect(await names('/listed')).toEqual([['delete_all'], 'private, no-store'])
  })
})

describe('a session', () => {
  const begin = async (path: string, login?: string) => {
    const response = await send(message('initialize'), { path, ...(login !== undefined && { login }) })
    return response.headers.get('mcp-session-id')!
  }
  const use = async (path: string, session: string, login?: string) =>
    (
      await send(call('search'), {
        path,
        headers: { 'mcp-session-id': session },
        ...(login !== undefined && { login }),
      })
    ).status

  test('that began without a token goes on without one, and with one', async () => {
    const session = await begin('/mcp')
    expect(session).not.toBe('inner')
    expect(await use('/mcp', session)).toBe(200)
    expect(await use('/mcp', session, 'ada')).toBe(200)
    expect(log.at(-1)!.headers.get('mcp-session-id')).toBe('inner')
    expect((await send(undefined, { method: 'DELETE', headers: { 'mcp-session-id': session } })).status).toBe(
      200,
    )
  })

  test('may be refused to go on with a token', async () => {
    const session = await begin('/strict')
    expect(await use('/strict', session)).toBe(200)
    expect(await use('/strict', session, 'ada')).toBe(404)
  })

  test('of a user is not for callers without a token, nor for other users', async () => {
    const session = await begin('/mcp', 'ada')
    expect(await use('/mcp', session, 'ada')).toBe(200)
    expect(await use('/mcp', session)).toBe(401)
    expect(await use('/mcp', session, 'grace')).toBe(404)
  })

  test('that a first request names is not that of the new session', async () => {
    const response = await send(message('initialize'), {
      login: 'ada',
      headers: { 'mcp-session-id': 'made up' },
    })
    expect(response.status).toBe(200)
    expect(log.at(-1)!.headers.get('mcp-session-id')).toBeNull()
  })
})

// The last one, because time does not run back for grants.
test('an expired token is refused at a public tool, so that clients refresh it', async () => {
  system.clock.ahead += 86_400
  const response = await send(call('search'), { login: 'ada' })
  system.clock.ahead -= 86_400
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
  expect(log).toEqual([])
})
