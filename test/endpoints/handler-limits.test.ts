import { inspect } from 'node:util'
import { OAuthError } from 'lockgate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, guarded, type StartedSystem, startSystem } from '../support/system.ts'

/** Open at once, at most. */
const STREAMS = 3

let system: StartedSystem
let accessToken: string
let respond: (
  request: Request,
  auth: { scopes: string[]; has(scope: string): boolean; require(scope: string): void },
) => unknown

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read', admin: 'Administer' },
    mcp: { scopes: ['read'], handler: (request, auth) => respond(request, auth) as Response },
    limits: { streams: STREAMS },
  })
  accessToken = (await connect(system, { params: { scope: 'read' } })).tokens.access_token
})
afterAll(() => system.close())

const ask = (method = 'POST') =>
  guarded(system, accessToken, { method, ...(method === 'HEAD' && { body: null }) })

/** An object with the `then` of a library. */
const thenable = (then: unknown): object => Object.defineProperty({}, 'then', { value: then })
const streaming = (type: string) =>
  new Response(new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode(': hello\n\n')) }), {
    headers: { 'content-type': type },
  })

/** Asks more often than may be open at once, and drops every response as a server does that reads no body. */
async function askOften(method: string, status: number): Promise<void> {
  for (let asked = 0; asked < STREAMS * 4; asked++) expect((await ask(method)).status).toBe(status)
}

test('a stream in response to HEAD does not count as open, and its source is told', async () => {
  let cancelled = 0
  respond = () =>
    new Response(new ReadableStream({ cancel: () => void cancelled++ }), {
      headers: { 'content-type': 'text/event-stream' },
    })
  const response = await ask('HEAD')
  expect([response.status, response.headers.get('content-type'), response.body]).toEqual([
    200,
    'text/event-stream',
    null,
  ])
  await askOften('HEAD', 200)
  expect(cancelled).toBe(STREAMS * 4 + 1)
})

test.each([
  'text/event-stream',
  'TEXT/Event-Stream',
  ' text/event-stream;charset=utf-8',
  'text/event-stream, text/event-stream',
  'application/json, text/event-stream',
  'text/event-stream,application/json',
])('a response with the type %j counts as open, because a client may read it as events', async (type) => {
  respond = () => streaming(type)
  const open = await Promise.all(Array.from({ length: STREAMS }, () => ask()))
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await ask()).status).toBe(429)
  await Promise.all(open.map(({ body }) => body!.cancel()))
  const again = await ask()
  expect(again.status).toBe(200)
  await again.body!.cancel()
})

test.each<[string, () => unknown]>([
  ['throws another error', () => Promise.reject(new Error('the library failed'))],
  ['returns nothing', () => undefined],
  ['responds', () => new Response('x')],
])('a refusal by `auth.require` reaches the client, though a library catches it and %s', async (_, then) => {
  respond = (_request, auth) => {
    expect(() => auth.require('admin')).toThrow(OAuthError)
    return then()
  }
  await askOften('POST', 403)
  expect((await ask()).headers.get('www-authenticate')).toContain('error="insufficient_scope"')
})

const throwing = {
  get: () => {
    throw new Error('trap')
  },
  getPrototypeOf: () => {
    throw new Error('trap')
  },
}

test.each<[string, () => unknown]>([
  [
    'an object that throws at every touch',
    () => {
      throw new Proxy({}, throwing)
    },
  ],
  [
    'an error whose message throws',
    () => {
      throw Object.defineProperty(new Error('x'), 'message', { get: throwing.get })
    },
  ],
  [
    'a response whose type throws',
    () => Object.defineProperty(new Response('x'), 'headers', { get: throwing.get }),
  ],
  ['a thenable that throws', () => thenable(throwing.get)],
  ['a thenable whose member throws', () => Object.defineProperty({}, 'then', { get: throwing.get })],
])('a handler that gives %s has failed, and counts no longer as open', async (_, way) => {
  respond = way
  await askOften('POST', 500)
})

test.each<[string, (resolve: (response: Response) => void, reject: (error: Error) => void) => unknown]>([
  ['settles later and returns nothing', (resolve) => void setTimeout(resolve, 2, new Response('x'))],
  ['settles twice', (resolve, reject) => [resolve(new Response('x')), reject(new Error('late'))]],
  [
    'returns another response',
    (resolve) => [resolve(new Response('x')), Promise.resolve(new Response('y'))][1],
  ],
])('a thenable that %s gives its first response', async (_, then) => {
  respond = () => thenable(then)
  for (let asked = 0; asked < STREAMS * 2; asked++) expect(await (await ask()).text()).toBe('x')
})

test('a handler that changes the scopes of a request changes no other request', async () => {
  const seen: unknown[] = []
  respond = (_request, auth) => {
    seen.push([[...auth.scopes], auth.has('admin')])
    auth.scopes.push('admin')
    seen.push(auth.has('admin'))
    return new Response()
  }
  await ask()
  await ask()
  expect(seen).toEqual([[['read'], false], false, [['read'], false], false])
})

test('a verdict is handled once: a second time it is an error, and nothing stays open', async () => {
  respond = () => streaming('text/event-stream')
  const { pathname, host } = new URL(system.mcp)
  const headers = new Headers({ authorization: `Bearer ${accessToken}`, host })
  const request = new Request(system.mcp, { method: 'POST', headers })
  const get = (name: string) => (name === 'host' ? host : request.headers.get(name))
  const fields = { get, has: (name: string) => get(name) !== null, forEach: headers.forEach.bind(headers) }
  const verdict = await system.proxy.admit({
    method: 'POST',
    target: pathname,
    headers: fields,
    toRequest: () => request,
  })
  if (verdict?.type !== 'handle') throw new Error('it was not admitted')
  expect(inspect(verdict, { depth: 9, showHidden: true }) + JSON.stringify(verdict)).not.toContain(
    accessToken,
  )
  const first = await verdict.handle(request)
  const others = [await verdict.handle(request), await verdict.handle(request)]
  expect([first, ...others].map(({ status }) => status)).toEqual([200, 500, 500])
  await first.body!.cancel()
  const open = await Promise.all(Array.from({ length: STREAMS }, () => ask()))
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200])
  await Promise.all(open.map(({ body }) => body!.cancel()))
})
