import type { McpOptions, ProxyOptions } from 'lockgate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

const scopes = {
  base: { description: 'Use the server', default: true },
  read: 'Read',
  billing: 'See bills',
  write: { description: 'Write', implies: ['read'] },
  admin: { description: 'Administer', implies: ['write'] },
}

/** The bodies that reached the server behind. */
const log: string[] = []

const rules = {
  scopes: ['base'],
  tools: {
    'delete_*': 'write',
    delete_all: 'admin',
    report: ['read', 'billing'],
    never: 'deny',
    __proto__safe: 'admin',
    constructor: 'admin',
    '*': 'read',
  },
  prompts: { secret: 'admin' },
  resources: { 'file:///public/*': [], 'file:///*': 'admin' },
  methods: { 'tasks/*': 'write', 'logging/setLevel': 'admin' },
} satisfies Partial<McpOptions>

const server = (path: string, more: Partial<McpOptions> = {}): McpOptions =>
  ({
    path,
    handler: async (request: Request) => {
      log.push(await request.text())
      return Response.json({ jsonrpc: '2.0', id: 1, result: {} })
    },
    ...rules,
    ...more,
  }) as McpOptions

let system: StartedSystem
const tokens = new Map<string, string>()

/** Returns a token with a scope for one of the servers, from a sign-in of its own. */
async function tokenFor(path: string, scope: string): Promise<string> {
  const known = tokens.get(`${path} ${scope}`)
  if (known !== undefined) return known
  const { access_token: token } = (await connect(system, { params: { resource: system.url + path, scope } }))
    .tokens
  tokens.set(`${path} ${scope}`, token)
  system.events.length = 0
  return token
}

beforeAll(async () => {
  const options: Partial<ProxyOptions> = {
    scopes,
    mcp: [
      server('/mcp'),
      server('/unknown', { onDenied: 'unknown' }),
      server('/closed', { methods: { '*': 'deny' } }),
      server('/small', { maxBody: 2048 }),
      server('/files', {
        resources: {
          'file:///secret': 'deny',
          'private:*': 'deny',
          'note://secret': 'deny',
          'note://folder/': 'deny',
          'note://my%20notes': 'deny',
        },
      }),
      server('/queries', { resources: { 'db://users?public=1': [], '*': 'admin' } }),
      server('/plain', {
        tools: undefined,
        prompts: undefined,
        resources: undefined,
        methods: undefined,
        scopes: [],
      }),
    ],
  }
  system = await startSystem(options)
})
afterAll(() => system.close())
beforeEach(() => {
  log.length = 0
  system.events.length = 0
})

const post = async (
  body: unknown,
  {
    scope = 'base read',
    path = '/mcp',
    headers = {},
  }: { scope?: string; path?: string; headers?: Record<string, string> } = {},
): Promise<Response> =>
  system.call(path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await tokenFor(path, scope)}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
  })

const call = (name: unknown, more: Record<string, unknown> = {}) => ({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name, ...more },
})

describe('a tool needs the scopes of its rule', () => {
  test.each([
    ['anything', 'base read', 200],
    ['anything', 'base', 403],
    ['delete_one', 'base read', 403],
    ['delete_one', 'base write', 200],
    ['delete_all', 'base write', 403],
    ['delete_all', 'base admin', 200],
    ['anything', 'base admin', 200],
    ['report', 'base admin', 403],
    ['constructor', 'base write', 403],
    ['constructor', 'base admin', 200],
    ['Delete_all', 'base', 403],
    ['ⅾelete_all', 'base read', 200],
  ])('%s with %j is answered with %i', async (name, scope, status) => {
    const response = await post(call(name), { scope })
    expect(response.status).toBe(status)
    expect(log).toHaveLength(status === 200 ? 1 : 0)
  })

  test('and one challenge names all scopes of the operation, with the missing ones', async () => {
    const response = await post(call('report'), { scope: 'base' })
    expect(response.status).toBe(403)
    const challenge = response.headers.get('www-authenticate') ?? ''
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="base read billing"')
    expect(challenge).toContain(`resource_metadata="${system.url}/.well-known/oauth-protected-resource/mcp"`)
    expect(challenge).toMatch(/error_description="[^"]*billing[^"]*"/)
    expect(await response.json()).toMatchObject({ error: 'insufficient_scope' })
    expect(system.events.at(-1)).toMatchObject({
      type: 'refused',
      reason: 'token-lacks-scope',
      detail: 'tools/call report',
    })
  })

  test('which may be a name that objects have anyway', async () => {
    const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"__proto__"}}'
    expect((await post(text, { scope: 'base' })).status).toBe(403)
    expect((await post(text, { scope: 'base read' })).status).toBe(200)
  })
})

describe('prompts, resources and methods have rules too', () => {
  const message = (method: string, params: Record<string, unknown>) => ({
    jsonrpc: '2.0',
    id: 1,
    method,
    params,
  })
  test.each([
    ['prompts/get', { name: 'secret' }, 403],
    ['prompts/get', { name: 'open' }, 200],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'secret' } }, 403],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///etc/{name}' } }, 403],
    ['resources/read', { uri: 'file:///public/a.txt' }, 200],
    ['resources/read', { uri: 'file:///etc/passwd' }, 403],
    ['resources/read', { uri: 'file:///public/../etc/passwd' }, 403],
    ['resources/read', { uri: 'file:///public/%2e%2e/etc/passwd' }, 403],
    ['resources/read', { uri: 'file:///public/%252e%252e/etc' }, 403],
    ['resources/read', { uri: 'FILE:///etc/passwd' }, 403],
    ['resources/read', { uri: 'file:/etc/passwd' }, 403],
    ['resources/read', { uri: 'file:etc/passwd' }, 403],
    ['resources/read', { uri: 'file://LOCALHOST/etc/passwd' }, 403],
    ['resources/subscribe', { uri: 'file:///etc/passwd' }, 403],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: ['file:///public/a', 'file:///b'] } },
      403,
    ],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///public/a'] } }, 200],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: null } }, 200],
    ['tasks/cancel', { taskId: 'x' }, 403],
    ['logging/setLevel', { level: 'debug' }, 403],
    ['x/new', {}, 200],
    ['ping', {}, 200],
  ])('%s %j is answered with %i', async (method, params, status) => {
    expect((await post(message(method, params))).status).toBe(status)
    expect(log).toHaveLength(status === 200 ? 1 : 0)
  })

  test.each([
    ['a query', 'file:///secret?'],
    ['a query with a value', 'file:///secret?x=1'],
    ['a fragment', 'file:///secret#x'],
    ['an encoded query', 'file:///secret%3fx'],
    ['a slash at the end', 'file:///secret/'],
    ['a dot segment at the end', 'file:///secret/.'],
    ['repeated slashes', 'file:////secret'],
    ['a way over repeated slashes', 'file:///public//../secret'],
    ['backslashes', 'file:///public\\..\\secret'],
    ['another host', 'file://127.0.0.1/secret'],
    ['two codings', 'file:///public/%252e%252e%252fsecret'],
    ['three codings', 'file:///public/%25252e%25252e%25252fsecret'],
    ['a coding beside one that is not valid', 'file:///public/..%2fsecret?%ff'],
    ['a coding with one that is not valid', 'file:///public/%2e%2e/secret%ff/..%2fsecret'],
    ['more codings than any server reads', `file:///public/${'%25'.repeat(20)}${'25'.repeat(100)}2e`],
    ['an encoded end of the text', 'file:///public/a%00'],
    ['an encoded scheme', 'private%3Aa?%ff'],
    ['another case', 'NOTE://SECRET?x'],
    ['a rule with a slash at its end', 'note://folder'],
    ['a rule with an encoded name', 'note://my notes'],
    ['more characters than any server reads', `file:///public/${'a'.repeat(20_000)}`],
  ])('a URI is denied in every spelling that a server may read: with %s', async (_name, uri) => {
    for (const method of ['resources/read', 'resources/subscribe']) {
      const response = await post(message(method, { uri }), { path: '/files' })
      expect([response.status, await response.json()]).toMatchObject([200, { error: { code: -32_602 } }])
    }
    const listed = { notifications: { resourceSubscriptions: ['file:///public/a', uri] } }
    await post(message('subscriptions/listen', listed), { path: '/files' })
    expect(log).toEqual([])
  })

  test.each([
    'file:///public/a',
    'file:///public/a?x#y',
    'file:///public/',
    'note://other',
    'note://secrets',
  ])('and one that only resembles it passes: %s', async (uri) => {
    expect(await (await post(message('resources/read', { uri }), { path: '/files' })).json()).toMatchObject({
      result: {},
    })
    expect(log).toHaveLength(1)
  })

  test('a rule with a query is compared with the query', async () => {
    const read = (uri: string) => post(message('resources/read', { uri }), { path: '/queries' })
    expect((await read('db://users?public=1')).status).toBe(200)
    expect((await read('db://users?public=2')).status).toBe(403)
    expect((await read('db://users')).status).toBe(403)
  })

  test.each([
    [{ notifications: { ResourceSubscriptions: ['file:///public/a'] } }],
    [{ notifications: { resourceSubscriptions: 'file:///public/a' } }],
    [{ notifications: { resourceSubscriptions: { 0: 'file:///public/a' } } }],
    [{ notifications: [{ resourceSubscriptions: ['file:///public/a'] }] }],
  ])('a subscription is refused if programs may read its URIs differently: %j', async (params) => {
    expect((await post(message('subscriptions/listen', params))).status).toBe(400)
    expect(log).toEqual([])
  })

  test('a method that no revision defines passes, unless the operator denies such methods', async () => {
    const unknown = message('x/new', {})
    const path = '/closed'
    const old = await post(unknown, { path, headers: { 'mcp-protocol-version': '2025-11-25' } })
    expect([old.status, await old.json()]).toMatchObject([200, { id: 1, error: { code: -32_601 } }])
    const modern = await post(unknown, { path, headers: { 'mcp-protocol-version': '2026-07-28' } })
    expect([modern.status, await modern.json()]).toMatchObject([404, { id: 1, error: { code: -32_601 } }])
    expect((await post(message('ping', {}), { path })).status).toBe(200)
    expect(log).toHaveLength(1)
  })
})

describe('the body decides, not the headers', () => {
  const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' }

  test.each([
    ['another tool', { ...modern, 'mcp-name': 'harmless' }],
    ['another method', { ...modern, 'mcp-method': 'tools/list' }],
    ['a name that cannot be decoded', { ...modern, 'mcp-name': '=?base64?/w==?=' }],
  ])('a header that names %s is refused', async (_, headers) => {
    const response = await post(call('delete_all'), { scope: 'base admin', headers })
    expect([response.status, await response.json()]).toMatchObject([400, { id: 7, error: { code: -32_020 } }])
    expect(log).toEqual([])
  })

  test('a version that the body contradicts is refused', async () => {
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
    const headers = { 'mcp-protocol-version': '2025-06-18' }
    const response = await post(call('x', { _meta }), { headers })
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: -32_020 } }])
  })

  const _meta = (version: string) => ({ _meta: { 'io.modelcontextprotocol/protocolVersion': version } })
  const listing = { jsonrpc: '2.0', id: 7, method: 'tools/list', params: {} }
  test.each([
    ['of an older revision', call('search'), { 'mcp-protocol-version': '2025-06-18' }],
    ['without a revision', call('search'), {}],
    ['with a revision in the body only', call('search', _meta('2026-07-28')), {}],
    [
      'with a revision that is removed on the way',
      call('search', _meta('2025-11-25')),
      { connection: 'MCP-Protocol-Version', 'mcp-protocol-version': '2025-11-25' },
    ],
  ])('headers that contradict the body are refused in a request %s', async (_, body, headers) => {
    for (const more of [{ 'mcp-name': 'debug' }, { 'mcp-method': 'prompts/get' }, { 'mcp-name': '' }]) {
      const response = await post(body, { scope: 'base admin', headers: { ...headers, ...more } })
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { id: 7, error: { code: -32_020 } },
      ])
    }
    const agreeing = { ...headers, 'mcp-method': 'tools/call', 'mcp-name': 'search' }
    expect((await post(body, { scope: 'base admin', headers: agreeing })).status).toBe(200)
    expect(log).toHaveLength(1)
  })

  test('a name in a header is refused where the body names nothing', async () => {
    const named = { scope: 'base admin', headers: { 'mcp-name': 'debug' } }
    expect((await post(listing, named)).status).toBe(400)
    const completion = (ref: object) => ({ ...listing, method: 'completion/complete', params: { ref } })
    expect((await post(completion({ type: 'ref/prompt', name: 'other' }), named)).status).toBe(400)
    expect((await post(completion({ type: 'ref/prompt', name: 'debug' }), named)).status).toBe(200)
    expect(log).toHaveLength(1)
  })

  test.each([
    ['mcp-protocol-version', '2025-11-25, 2026-07-28', 'MCP-Protocol-Version'],
    ['mcp-protocol-version', '2026-07-28,2026-07-28', 'MCP-Protocol-Version'],
    ['mcp-session-id', 'one, two', 'Mcp-Session-Id'],
    ['mcp-session-id', 'one,\ttwo', 'Mcp-Session-Id'],
  ])('a request with %s: %s has a header twice, and is refused', async (name, value, detail) => {
    for (const path of ['/mcp', '/plain']) {
      const response = await post(call('search'), { scope: 'base', path, headers: { [name]: value } })
      expect([response.status, await response.json()]).toMatchObject([400, { error: 'invalid_request' }])
      expect(system.events.at(-1)).toMatchObject({ type: 'refused', reason: 'header-doubled', detail })
    }
    expect(log).toEqual([])
  })

  test('an encoded name is decoded before it is compared', async () => {
    const headers = { ...modern, 'mcp-name': `=?base64?${Buffer.from('né').toString('base64')}?=` }
    expect((await post(call('né'), { headers })).status).toBe(200)
  })

  test('parameter headers pass as they are, and a browser may send them', async () => {
    const request = {
      method: 'OPTIONS',
      headers: { origin: system.url, 'access-control-request-method': 'POST' },
    }
    const preflight = await system.call('/mcp', {
      ...request,
      headers: { ...request.headers, 'access-control-request-headers': 'mcp-param-region' },
    })
    expect(preflight.headers.get('access-control-allow-headers')).toContain('mcp-param-region')
  })
})

describe('a body that programs may read differently is refused', () => {
  const bytes = (...parts: (string | number[])[]) =>
    new Uint8Array(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part)))
  const head = '{"jsonrpc":"2.0","id":1,'
  test.each([
    ['a repeated method', `${head}"method":"ping","method":"tools/call","params":{"name":"delete_all"}}`],
    ['a repeated name', `${head}"method":"tools/call","params":{"name":"x","name":"delete_all"}}`],
    [
      'an escaped repetition',
      `${head}"method":"tools/call","params":{"name":"x","n\\u0061me":"delete_all"}}`,
    ],
    [
      'a repetition in the arguments',
      `${head}"method":"tools/call","params":{"name":"x","arguments":{"a":1,"a":2}}}`,
    ],
    [
      'another case of method',
      `${head}"method":"ping","Method":"tools/call","params":{"name":"delete_all"}}`,
    ],
    ['only another case', `${head}"METHOD":"tools/call","params":{"name":"delete_all"}}`],
    [
      'another case of params',
      `${head}"method":"tools/call","params":{"name":"x"},"Params":{"name":"delete_all"}}`,
    ],
    ['another case of name', `${head}"method":"tools/call","params":{"name":"x","NAME":"delete_all"}}`],
    ['a long s', `${head}"method":"tools/call","params":{"name":"x"},"param\u017f":{"name":"delete_all"}}`],
    ['a Kelvin sign', `${head}"method":"tasks/get","params":{"taskId":"x","tas\u212aId":"y"}}`],
    ['a prototype', `${head}"method":"tools/call","params":{"name":"x","__proto__":{"arguments":{}}}}`],
    ['a prototype of the message', `${head}"method":"ping","__proto__":{"params":{"name":"delete_all"}}}`],
    ['a byte-order mark', bytes([0xef, 0xbb, 0xbf], JSON.stringify(call('x')))],
    [
      'invalid UTF-8',
      bytes('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x', [0xc3], '"}}'),
    ],
    ['trailing data', `${JSON.stringify(call('x'))}${JSON.stringify(call('delete_all'))}`],
    ['UTF-16', new Uint8Array(Buffer.from(JSON.stringify(call('x')), 'utf16le'))],
    ['half of a pair', `${head}"method":"tools/call","params":{"name":"x\\ud800"}}`],
    ['a control character', `${head}"method":"tools/call","params":{"name":"x\\u0000"}}`],
    ['a name that is no text', `${head}"method":"tools/call","params":{"name":["delete_all"]}}`],
    ['a method that is no text', `${head}"method":["tools/call"],"params":{"name":"x"}}`],
    ['params in a list', `${head}"method":"tools/call","params":["x"]}`],
    ['a request that is a response', `${head}"method":"tools/call","params":{"name":"x"},"result":{}}`],
    ['no message', '{}'],
    ['a text', '"x"'],
    ['null', 'null'],
    ['an empty batch', '[]'],
    ['a nested batch', `[[${JSON.stringify(call('x'))}]]`],
    ['initialize in a batch', `[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]`],
    ['nothing', ''],
    ['NaN', `${head}"method":"tools/call","params":{"name":"x","n":NaN}}`],
  ])('%s', async (_, body) => {
    const response = await post(body, { scope: 'base admin' })
    const answer = (await response.json()) as { jsonrpc: string; error: { code: number } }
    expect(response.status).toBe(400)
    expect(answer.jsonrpc).toBe('2.0')
    expect([-32_700, -32_600, -32_602]).toContain(answer.error.code)
    expect(log).toEqual([])
  })

  test.each([
    ['content-encoding', 'gzip'],
    ['content-type', 'application/json; charset=utf-16'],
    ['content-type', 'application/json;charset="iso-8859-1"'],
    ['content-type', 'application/json; charset=utf-8; charset=utf-7'],
    ['content-type', 'application/json; x="; charset=utf-8"; charset=utf-7'],
    ['content-type', "application/json; charset*=utf-7''x"],
    ['content-type', 'application/json charset=utf-7'],
    ['content-type', 'application/json; charset'],
  ])('with %s: %s it is not read at all', async (name, value) => {
    expect((await post(call('x'), { headers: { [name]: value } })).status).toBe(415)
    expect(log).toEqual([])
  })

  test.each(['application/json; charset=utf-8', 'application/json;charset=UTF8', 'text/plain'])(
    'and with %s it is judged as usual',
    async (type) => {
      expect((await post(call('x'), { headers: { 'content-type': type } })).status).toBe(200)
      expect((await post(call('delete_all'), { headers: { 'content-type': type } })).status).toBe(403)
    },
  )

  test('and one that passes reaches the server byte for byte', async () => {
    const text =
      '{ "id" : 12345678901234567890,\n"jsonrpc":"2.0","method":"tools\\/call","params":{"name":"x","n":1e400} }'
    expect((await post(text)).status).toBe(200)
    expect(log).toEqual([text])
  })
})

describe('a batch', () => {
  test('is refused as a whole for one message, with the scopes of all', async () => {
    const response = await post([
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      call('delete_all'),
      call('report'),
    ])
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toContain('scope="base admin read billing"')
    expect(log).toEqual([])
  })

  test('passes if every message may', async () => {
    expect((await post([{ jsonrpc: '2.0', method: 'notifications/initialized' }, call('x')])).status).toBe(
      200,
    )
    expect(log).toHaveLength(1)
  })

  test('with a tool that is denied to everyone runs nothing', async () => {
    const response = await post([call('x'), { ...call('never'), id: 8 }])
    expect(await response.json()).toMatchObject([
      { id: 7, error: { code: -32_600 } },
      { id: 8, error: { code: -32_602, message: 'Unknown tool: never' } },
    ])
    expect(log).toEqual([])
  })
})

describe('a tool that cannot be had', () => {
  test('is answered as one that does not exist', async () => {
    for (const [path, name] of [
      ['/unknown', 'delete_all'],
      ['/mcp', 'never'],
    ] as const) {
      const response = await post(call(name), { path })
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({
        jsonrpc: '2.0',
        id: 7,
        error: { code: -32_602, message: `Unknown tool: ${name}` },
      })
    }
    expect(log).toEqual([])
  })

  test('is named by the event, but by nothing that could not be printed', async () => {
    const details = () => system.events.splice(0).map(({ type, reason, detail }) => [type, reason, detail])
    await post(call('never'))
    expect(details()).toEqual([['refused', 'call-hidden', 'tools/call never']])
    await post(call('never'), { path: '/unknown' })
    expect(details()).toEqual([['refused', 'call-hidden', 'tools/call never']])
    for (const method of ['x/\u2028<script>', `x/${'y'.repeat(100_000)}`]) {
      await post({ jsonrpc: '2.0', id: 1, method }, { path: '/closed' })
      expect(details()).toEqual([['refused', 'call-hidden', undefined]])
    }
  })

  test('gets no answer to a notification', async () => {
    const { id: _, ...notification } = call('delete_all')
    const response = await post(notification, { path: '/unknown' })
    expect([response.status, await response.text()]).toEqual([202, ''])
    expect(log).toEqual([])
  })
})

describe('the size of a body', () => {
  const large = (size: number) => JSON.stringify(call('x', { arguments: { text: 'x'.repeat(size) } }))
  const stream = (text: string) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < text.length; at += 500)
          controller.enqueue(Buffer.from(text.slice(at, at + 500)))
        controller.close()
      },
    })
  const send = async (path: string, body: BodyInit) =>
    system.call(path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await tokenFor(path, 'base read')}`,
        'content-type': 'application/json',
      },
      body,
      duplex: 'half',
    } as RequestInit)

  test('is limited, with and without a stated length', async () => {
    for (const body of [large(3000), stream(large(3000))])
      expect((await send('/small', body)).status).toBe(413)
    for (const body of [large(2_000_000), stream(large(2_000_000))])
      expect((await send('/mcp', body)).status).toBe(413)
    expect(log).toEqual([])
    expect((await send('/small', stream(large(1000)))).status).toBe(200)
    expect((await send('/mcp', large(900_000))).status).toBe(200)
  })

  test('is not limited at a server without rules, whose bodies are not read', async () => {
    expect((await send('/plain', stream(large(2_000_000)))).status).toBe(200)
    expect((await send('/plain', 'no JSON at all')).status).toBe(200)
    expect(log[1]).toBe('no JSON at all')
  })
})
