import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, guarded, type StartedSystem, startSystem } from '../support/system.ts'

let system: StartedSystem
let accessToken: string
let response: Response
let received: Headers

beforeAll(async () => {
  system = await startSystem({
    mcp: (request) => {
      received = request.headers
      return response
    },
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
