import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, guarded, type StartedSystem, startSystem } from '../support/system.ts'

let system: StartedSystem
let accessToken: string
let response: Response
let received: Headers
/** Replaces the response, if a test sets it. */
let respond: (() => unknown) | undefined

beforeAll(async () => {
  system = await startSystem({
    mcp: (request) => {
      received = request.headers
      return respond ? (respond() as Response) : response
    },
    limits: { streams: 30 },
  })
  accessToken = (await connect(system)).tokens.access_token
})

afterAll(() => system.close())

/** Bun builds every response. Node refuses some, so that the status is written over. */
const built = (body: string | null, status: number) =>
  Object.defineProperty(new Response(body), 'status', { value: status })

function ask(answer: Response, headers: Record<string, string> = {}): Promise<Response> {
  response = answer
  return guarded(system, accessToken, { method: 'POST', headers })
}

test.each([
  [null, 0],
  [null, 101],
  [null, 199],
  [null, 600],
  ['x', 204],
  ['x', 205],
  ['x', 304],
])('a handler that responds with the body %j and the status %d has failed', async (body, status) => {
  const refused = await ask(built(body, status))
  expect(refused.status).toBe(500)
  expect(await refused.json()).toMatchObject({ error: 'server_error' })
  expect(system.events.at(-1)).toMatchObject({ reason: 'handler-failed' })
})

test.each([
  ['x', 200],
  [null, 204],
  [null, 304],
  ['x', 599],
])('a handler may respond with the body %j and the status %d', async (body, status) => {
  expect((await ask(built(body, status))).status).toBe(status)
})

async function askWith(way: () => unknown): Promise<Response> {
  respond = way
  try {
    return await guarded(system, accessToken, { method: 'POST' })
  } finally {
    respond = undefined
  }
}

/** A promise of another realm, which is no instance of `Promise` here. */
const foreign = (code: string): unknown => runInNewContext(code, { Response })

test.each<[string, () => unknown]>([
  ['a response', () => new Response('x')],
  ['a promise', async () => new Response('x')],
  ['a promise that takes time', () => new Promise((resolve) => setTimeout(resolve, 5, new Response('x')))],
  ['a promise of another realm', () => foreign('Promise.resolve(new Response("x"))')],
])('a handler may return %s', async (_, way) => {
  const answer = await askWith(way)
  expect([answer.status, await answer.text()]).toEqual([200, 'x'])
})

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('broken')
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['rejects in another realm', () => foreign('Promise.reject(new Error("broken"))')],
  ['returns nothing', () => undefined],
  ['returns a promise of nothing', async () => undefined],
])('a handler that %s has failed, and its request no longer counts as open', async (_, way) => {
  // More than one user may have open at once.
  for (let asked = 0; asked < 40; asked++) expect((await askWith(way)).status).toBe(500)
  expect(system.events.at(-1)).toMatchObject({ reason: 'handler-failed' })
})

const CLAIMS = [
  'X-Lockgate-User-Id',
  'x-lockgate-scope',
  'X_Lockgate_User_Email',
  'X-Lockgate_Grant',
  'x-lockgate-anything',
  'Mcp_Session_Id',
  'Last_Event_Id',
  'Last-Event-ID',
]

test.each(CLAIMS)(
  'a handler does not get the header %s of a client, which only the proxy may tell',
  async (name) => {
    await ask(new Response(), { [name]: 'root', 'X-Kept': 'yes' })
    expect(received.get(name)).toBeNull()
    expect(received.get('x-kept')).toBe('yes')
  },
)

test.each(CLAIMS)(
  'a handler does not get the header %s either if a gateway judged the head with the names as sent',
  async (name) => {
    response = new Response()
    const { host, pathname } = new URL(system.mcp)
    const sent = { Host: host, Authorization: `Bearer ${accessToken}`, [name]: 'root', 'X-Kept': 'yes' }
    const request = new Request(system.mcp, { method: 'POST', headers: sent })
    const get = (field: string) => request.headers.get(field)
    const verdict = await system.proxy.admit({
      method: 'POST',
      target: pathname,
      headers: {
        get: (field) => (field === 'host' ? host : get(field)),
        has: (field) => get(field) !== null,
        forEach: (each) => Object.entries(sent).forEach(([field, value]) => void each(value, field)),
      },
      toRequest: () => request,
    })
    if (verdict?.type !== 'handle') throw new Error('it was not admitted')
    expect((await verdict.handle(request)).status).toBe(200)
    expect(received.get(name)).toBeNull()
    expect(received.get('x-kept')).toBe('yes')
  },
)
