import type { McpOptions } from 'lockgate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

/** The answer of the server behind to the next request. */
let answer: () => Response
let system: StartedSystem
const tokens: Record<string, string> = {}

const RULES = {
  scopes: ['base'],
  tools: { 'delete_*': 'write', never: 'deny' },
  prompts: { 'secret*': 'write' },
  resources: { 'private://*': 'write' },
  list: 'granted',
} as const

beforeAll(async () => {
  const handler = async (request: Request) => {
    await request.text()
    return answer()
  }
  system = await startSystem({
    scopes: { base: { description: 'Use', default: true }, write: 'Write' },
    mcp: [
      { path: '/mcp', handler, ...RULES },
      { path: '/all', handler, ...RULES, list: 'all' },
    ] as McpOptions[],
  })
  for (const path of ['/mcp', '/all'])
    for (const scope of ['base', 'base write']) {
      const params = { resource: system.url + path, scope }
      tokens[`${path} ${scope}`] = (await connect(system, { params })).tokens.access_token
    }
})
afterAll(() => system.close())
beforeEach(() => {
  system.events.length = 0
})

const tool = (name: string) => ({ name, inputSchema: { type: 'object' }, 'x-more': 1 })
const TOOLS = [tool('read'), tool('delete_all'), tool('never'), tool('write')]
const result = (more: object = {}, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  result: { tools: TOOLS, ...more },
})
const asJson =
  (body: unknown, init: ResponseInit = {}) =>
  () =>
    new Response(typeof body === 'string' ? body : JSON.stringify(body), {
      headers: { 'content-type': 'application/json' },
      ...init,
    })

async function ask(
  given: () => Response,
  {
    scope = 'base',
    path = '/mcp',
    method = 'tools/list',
    version = '2025-11-25',
    http = 'POST',
  }: { scope?: string; path?: string; method?: string; version?: string; http?: string } = {},
): Promise<Response> {
  answer = given
  return system.call(path, {
    method: http,
    headers: {
      authorization: `Bearer ${tokens[`${path} ${scope}`]}`,
      'mcp-protocol-version': version,
      accept: 'application/json, text/event-stream',
    },
    ...(http === 'POST' && { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} }) }),
  })
}

const namesIn = (text: string) => [...text.matchAll(/"name":"(\w+)"/g)].map(([, name]) => name)

describe('a list has what the token permits', () => {
  test('in order, with every member that the server sent', async () => {
    const response = await ask(asJson(result({ nextCursor: '', _meta: { a: 1 }, resultType: 'x' })))
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { tools: [tool('read'), tool('write')], nextCursor: '', _meta: { a: 1 }, resultType: 'x' },
    })
    expect(response.headers.get('cache-control')).toBe('private, no-store')
  })

  test('and more with another scope, over any connection', async () => {
    for (let n = 0; n < 2; n++) {
      const response = await ask(asJson(result()), { scope: 'base write' })
      expect(namesIn(await response.text())).toEqual(['read', 'delete_all', 'write'])
    }
  })

  test('of prompts, resources and templates too', async () => {
    const lists = {
      'prompts/list': { prompts: [{ name: 'open' }, { name: 'secret_plan' }] },
      'resources/list': { resources: [{ uri: 'public://a' }, { uri: 'private://b' }, { no: 'uri' }] },
      'resources/templates/list': {
        resourceTemplates: [{ uriTemplate: 'public://{x}' }, { uriTemplate: 'private://{x}' }],
      },
    }
    for (const [method, list] of Object.entries(lists)) {
      const response = await ask(asJson({ jsonrpc: '2.0', id: 1, result: list }), { method })
      const text = await response.text()
      expect(text).not.toMatch(/secret|private:|"no"/)
      expect(text).toMatch(/open|public:/)
    }
  })

  test('and a page without entries keeps its cursor', async () => {
    const page = { jsonrpc: '2.0', id: 1, result: { tools: [tool('never')], nextCursor: 'more' } }
    expect(await (await ask(asJson(page))).json()).toMatchObject({
      result: { tools: [], nextCursor: 'more' },
    })
  })

  test('of which no shared cache keeps anything', async () => {
    const cached = result({ cacheScope: 'public', ttlMs: 3_600_000 })
    const modern = await ask(asJson(cached), { version: '2026-07-28' })
    expect(await modern.json()).toMatchObject({ result: { cacheScope: 'private', ttlMs: 60_000 } })
    const without = await ask(asJson(result()), { version: '2026-07-28' })
    expect(await without.json()).toMatchObject({ result: { cacheScope: 'private' } })
    const old = (await (await ask(asJson(result()))).json()) as { result: object }
    expect(Object.keys(old.result)).toEqual(['tools'])
  })

  test('only at a server that asks for it', async () => {
    const response = await ask(asJson(result()), { path: '/all' })
    expect(namesIn(await response.text())).toEqual(['read', 'delete_all', 'never', 'write'])
  })
})

const json = JSON.stringify(result())
const pretty = JSON.stringify(result(), null, 1)
const events =
  (text: string, type = 'text/event-stream') =>
  () =>
    new Response(text, { headers: { 'content-type': type } })

describe('every form of response is filtered', () => {
  test.each([
    ['JSON with a charset', asJson(json, { headers: { 'content-type': 'Application/JSON; charset=utf-8' } })],
    ['JSON with a byte-order mark', asJson(`\uFEFF${json}`)],
    ['JSON under another type', asJson(json, { headers: { 'content-type': 'text/plain' } })],
    ['JSON without a type', () => new Response(new TextEncoder().encode(json))],
    ['status 201', asJson(json, { status: 201 })],
    ['a batch', asJson(JSON.stringify([result(), result({}, 2)]))],
    ['an event', events(`event: message\nid: 1\ndata: ${json}\n\n`)],
    ['an event with CRLF', events(`event: message\r\ndata: ${json}\r\n\r\n`)],
    ['an event with CR', events(`data: ${json}\r\r`)],
    ['an event without a blank', events(`data:${json}\n\n`)],
    [
      'an event of many lines',
      events(
        `${pretty
          .split('\n')
          .map((line) => `data: ${line}`)
          .join('\n')}\n\n`,
      ),
    ],
    ['an event without an end', events(`data: ${json}`)],
    ['a stream with parameters in its type', events(`data: ${json}\n\n`, 'Text/Event-Stream;charset=utf-8')],
    ['a stream with a byte-order mark', events(`\uFEFFdata: ${json}\n\n`)],
    ['a batch in an event', events(`data: ${JSON.stringify([result()])}\n\n`)],
  ])('%s', async (_, given) => {
    const text = await (await ask(given)).text()
    expect(namesIn(text.replace(/"name": "/g, '"name":"'))).toEqual(
      /batch$/.test(_) ? ['read', 'write', 'read', 'write'] : ['read', 'write'],
    )
    expect(text).not.toContain('delete_all')
  })

  test.each([
    ['no JSON', asJson('{"result":{"tools":[{"name":"delete_all"}]}')],
    [
      'no text',
      () =>
        new Response(new Uint8Array([0xff, 0xfe, 0x7b]), { headers: { 'content-type': 'application/json' } }),
    ],
    ['a coding', asJson(json, { headers: { 'content-type': 'application/json', 'content-encoding': 'br' } })],
    ['a page', () => new Response('<p>delete_all</p>', { headers: { 'content-type': 'text/html' } })],
    ['a batch in a batch', asJson([[result()]])],
    ['the result in another case', asJson(json.replace('"result"', '"Result"'))],
    ['the list in another case', asJson(json.replace('"tools"', '"Tools"'))],
    [
      'another charset',
      asJson(json.replaceAll('delete', '+AGQ-elete'), {
        headers: { 'content-type': 'application/json; charset=utf-7' },
      }),
    ],
    [
      'two types, JSON first',
      asJson(json, { headers: { 'content-type': 'application/json, text/event-stream' } }),
    ],
    [
      'two types, JSON last',
      asJson(json, { headers: { 'content-type': 'text/event-stream, application/json' } }),
    ],
    ['two types, a stream', events(`data: ${json}\n\n`, 'text/event-stream, text/event-stream')],
    [
      'a type within a type',
      asJson(json, { headers: { 'content-type': 'application/json;a=text/event-stream' } }),
    ],
  ])('and one that cannot be read, %s, is not sent on', async (_, given) => {
    const response = await ask(given)
    expect(response.status).toBe(502)
    expect(await response.text()).not.toMatch(/elete_all/)
    expect(system.events.at(-1)).toMatchObject({ type: 'failed', reason: 'mcp-server-malformed' })
  })

  test('an event that cannot be read is dropped, and so is a line without a field', async () => {
    const text = await (
      await ask(events(`${json}\n\ndata: {"tools\n\n: still here\n\ndata: ${json}\n\n`))
    ).text()
    expect(namesIn(text)).toEqual(['read', 'write'])
    expect(text).toContain(': still here')
  })

  test('and so is one that is too deep to be written again, which ends no stream', async () => {
    const depth = 200_000
    const deep = json.replace('"result":{', `"result":{"deep":${'['.repeat(depth)}${']'.repeat(depth)},`)
    const text = await (await ask(events(`data: ${deep}\n\ndata: ${json}\n\n`))).text()
    expect(namesIn(text)).toEqual(['read', 'write'])
    expect((await ask(asJson(deep))).status).toBe(502)
  })

  test('a response without a body stays as it is', async () => {
    expect((await ask(() => new Response(null, { status: 202 }))).status).toBe(202)
  })
})

describe('an event stream', () => {
  test('is sent event by event, with its ids and comments', async () => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given
      },
    })
    const response = await ask(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
    const reader = response.body!.getReader()
    const say = (text: string) => controller!.enqueue(new TextEncoder().encode(text))
    const hear = async () => new TextDecoder().decode((await reader.read()).value)
    say(': ping\n')
    expect(await hear()).toBe(': ping\n')
    const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"n":12345678901234567890}}'
    say(`id: 7\nretry: 10\ndata: ${progress}\n`)
    say('\n')
    expect(await hear(), 'other messages pass as they are').toBe(`id: 7\nretry: 10\ndata: ${progress}\n\n`)
    say(`id: 8\ndata: ${json.slice(0, 40)}`)
    say(`${json.slice(40)}\n\n`)
    const list = await hear()
    expect(list).toMatch(/^id: 8\ndata: \{/)
    expect(namesIn(list)).toEqual(['read', 'write'])
    controller!.close()
    expect((await reader.read()).done).toBe(true)
  })

  test('that replays the answer to an earlier request is filtered', async () => {
    const response = await ask(events(`id: 3\ndata: ${json}\n\n`), { http: 'GET' })
    expect(namesIn(await response.text())).toEqual(['read', 'write'])
  })

  test.each([
    ['JSON', asJson(json), 200],
    ['a batch', asJson([result()]), 200],
    ['another type', asJson(json, { headers: { 'content-type': 'text/plain' } }), 200],
    ['an event of another type', events(`data: ${json}\n\n`, 'text/plain'), 502],
    ['a batch in a batch in an event', events(`data: [[${json}]]\n\n`), 200],
    [
      'a result in another case in an event',
      events(`data: ${json.replace('"result"', '"RESULT"')}\n\n`),
      200,
    ],
  ])('is filtered under any name, also as %s', async (_name, given, status) => {
    const response = await ask(given, { http: 'GET' })
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain('delete_all')
  })

  test('that a server does not have is refused in the words of the server', async () => {
    const given = () => new Response('Method Not Allowed', { status: 405 })
    const response = await ask(given, { http: 'GET' })
    expect([response.status, await response.text()]).toEqual([405, 'Method Not Allowed'])
  })

  test('tells of no resource that the token may not read', async () => {
    const updated = (uri: string) =>
      `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })}\n\n`
    const changed = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })}\n\n`
    const stream = events(updated('private://x') + updated('public://y') + changed)
    for (const path of ['/mcp', '/all']) {
      const text = await (await ask(stream, { http: 'GET', path })).text()
      expect(text).toBe(updated('public://y') + changed)
    }
  })
})

test('a subscription is known by its body at a server with rules: it ends with its grant, with headers or without', async () => {
  const forEver = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(': open\n\n')),
      }),
      { headers: { 'content-type': 'text/event-stream' } },
    )
  const old = { 'mcp-protocol-version': '2025-11-25' }
  const named = { 'mcp-method': 'subscriptions/listen' }
  for (const headers of [{}, old, named, { ...old, ...named }] as Record<string, string>[]) {
    const params = { resource: `${system.url}/all`, scope: 'base' }
    const { access_token: token } = (await connect(system, { params })).tokens
    answer = forEver
    const listening = await system.call('/all', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
      body: '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{}}}',
    })
    expect(listening.status).toBe(200)
    const { grant } = system.events.findLast(({ type }) => type === 'issued')!
    const [user, id] = grant!.split('.') as [string, string]
    await system.proxy.grants.revoke({ user, id }, { wait: 0 })
    expect(await listening.text()).toBe(': open\n\n')
  }
})

test('a hidden tool stays refused', async () => {
  answer = asJson(result())
  const response = await system.call('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens['/mcp base']}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'delete_all' } }),
  })
  expect(response.status).toBe(403)
})
