import type { McpOptions } from 'lockgate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

let system: StartedSystem
let token: string
let reached = 0

beforeAll(async () => {
  const handler = () => {
    reached++
    return Response.json({ jsonrpc: '2.0', id: 1, result: {} })
  }
  const mcp: McpOptions[] = [
    { path: '/mcp', handler, tools: { never: 'deny' }, resources: { 'file:///secret/*': 'deny' } },
    { path: '/public', handler, public: { tools: ['search'] } },
    { path: '/public-resources', handler, public: { resources: ['docs://*'] } },
  ]
  system = await startSystem({
    limits: { user: 100, anonymous: 60 },
    clientAddress: (request) => request.headers.get('x-test-address') ?? '192.0.2.1',
    mcp,
  })
})
afterAll(() => system.close())

const isRaw = (body: unknown): body is { raw: string } =>
  typeof body === 'object' && body !== null && 'raw' in body

/** Sends a body as a user who has sent nothing yet, and returns the statuses. */
async function statusesOf(...bodies: readonly unknown[]): Promise<number[]> {
  const params = { resource: `${system.url}/mcp` }
  token = (await connect(system, { params, login: `user ${Math.random()}` })).tokens.access_token
  const statuses = []
  for (const body of bodies) {
    const response = await system.call('/mcp', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: isRaw(body) ? body.raw : JSON.stringify(body),
    })
    statuses.push(response.status)
  }
  return statuses
}

/** A body as it is. */
const raw = (body: string) => ({ raw: body })
const message = (method: string, params: object) => ({ jsonrpc: '2.0', id: 1, method, params })
const batch = (size: number) => Array.from({ length: size }, () => message('tools/call', { name: 'echo' }))

test('each message of a batch counts as a request of its user', async () => {
  const before = reached
  expect(await statusesOf(batch(150), batch(60), batch(30), batch(60))).toEqual([429, 200, 200, 429])
  expect(reached - before).toBe(2)
})

test('a batch that a rule refuses counts all the same', async () => {
  const refused = [...batch(60), message('tools/call', { name: 'never' })]
  expect((await statusesOf(refused, refused)).at(-1)).toBe(429)
})

test('each URI counts as a request, and a long one as up to ten', async () => {
  const uris = (count: number, length: number) =>
    Array.from({ length: count }, (_, n) => `file:///a/%62/${n}`.padEnd(length, 'x'))
  const listen = (count: number, length: number) =>
    message('subscriptions/listen', { notifications: { resourceSubscriptions: uris(count, length) } })
  const read = (length: number) => message('resources/read', { uri: uris(1, length)[0] })
  const complete = (length: number) => message('completion/complete', { ref: { uri: uris(1, length)[0] } })
  expect(await statusesOf(listen(8, 1000), listen(3, 1000))).toEqual([200, 429])
  expect(await statusesOf(listen(80, 100), listen(30, 100))).toEqual([200, 429])
  expect(await statusesOf(...Array.from({ length: 20 }, () => listen(5, 100)))).toEqual(Array(20).fill(200))
  for (const one of [read, complete]) {
    const statuses = await statusesOf(...Array.from({ length: 12 }, () => one(16_000)))
    expect([...new Set(statuses.slice(0, 10)), statuses[11]]).toEqual([200, 429])
  }
})

const MEGABYTE = 1_048_576
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test.each([
  ['empty lists', `[${'[],'.repeat(MEGABYTE / 3 - 1)}1]`],
  ['numbers', `[${'1,'.repeat(MEGABYTE / 2 - 2)}1]`],
  ['members', `{${Array.from({ length: 70_000 }, (_, n) => `"k${n}":1`).join(',')}}`],
  ['brackets that open', '['.repeat(MEGABYTE - 1)],
  ['lists in lists', nested(MEGABYTE / 2 - 1)],
])('a megabyte of %s is too much before it is parsed', async (_, body) => {
  expect(await statusesOf(raw(body))).toEqual([429])
})

test.each([
  ['without JSON', 'x'],
  ['nested too deeply', nested(101)],
  [
    'with long names',
    `{${Array.from({ length: 4000 }, (_, n) => `"${n}${'\u0130'.repeat(120)}":1`).join(',')}}`,
    60,
  ],
  ['with a text of a megabyte', JSON.stringify(message('ping', { text: 'x'.repeat(900_000) })), 14, 200],
])('a body %s counts', async (_, body, weight = 1, status = 400) => {
  const most = Math.floor(100 / weight)
  const statuses = await statusesOf(...Array.from({ length: most + 4 }, () => raw(body)))
  expect(statuses.slice(0, most)).toEqual(Array(most).fill(status))
  expect(statuses.at(-1)).toBe(429)
})

test('a body that is nested as deeply as any program needs passes', async () => {
  const call = (depth: number) =>
    JSON.stringify(message('tools/call', { name: 'echo', arguments: { a: 0 } })).replace(
      ':0',
      `:${nested(depth)}`,
    )
  expect(await statusesOf(raw(call(97)), raw(call(98)))).toEqual([200, 400])
})

describe('a caller without a token', () => {
  let addresses = 0
  const packed = `http://h/%${'25'.repeat(58)}2f${'a/'.repeat(8100)}`.slice(0, 16_384)
  const send = (path: string, body: string, headers: Record<string, string> = {}) =>
    system.call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-test-address': `203.0.113.${addresses}`, ...headers },
      body,
    })

  test.each<[string, string, Record<string, string>?]>([
    ['that is no JSON', 'x'],
    ['that is nested too deeply', nested(101)],
    ['that needs a sign-in', JSON.stringify(message('tools/call', { name: 'other' }))],
    ['in another coding', 'x', { 'content-encoding': 'gzip' }],
    ['that is too large', ' '.repeat(MEGABYTE + 1)],
  ])('is counted by address for a body %s', async (_, body, headers = {}) => {
    addresses++
    const statuses = []
    for (let n = 0; n < 70; n++) statuses.push((await send('/public', body, headers)).status)
    expect(statuses.slice(0, 60)).toEqual(Array(60).fill(401))
    expect(statuses.at(-1)).toBe(429)
  })

  test.each([
    ['read', message('resources/read', { uri: packed })],
    ['completed', message('completion/complete', { ref: { uri: packed } })],
    ['listened to', message('subscriptions/listen', { resourceSubscriptions: [packed] })],
  ])('is counted by URIs that cannot be %s', async (_, one) => {
    for (const path of ['/public', '/public-resources']) {
      addresses++
      const batch = JSON.stringify(Array(5).fill(one))
      expect([(await send(path, batch)).status, (await send(path, batch)).status]).toEqual([401, 429])
      expect((await send(path, JSON.stringify(Array(7).fill(one)))).status).toBe(429)
    }
  })
})
