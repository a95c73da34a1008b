import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

let system: StartedSystem
let token: string
let reached = 0

beforeAll(async () => {
  system = await startSystem({
    limits: { user: 100 },
    mcp: {
      handler: () => {
        reached++
        return Response.json({ jsonrpc: '2.0', id: 1, result: {} })
      },
      tools: { never: 'deny' },
      resources: { 'file:///secret/*': 'deny' },
    },
  })
})
afterAll(() => system.close())

/** Sends a body as a user who has sent nothing yet, and returns the statuses. */
async function statusesOf(...bodies: readonly unknown[]): Promise<number[]> {
  token = (await connect(system, { login: `user ${Math.random()}` })).tokens.access_token
  const statuses = []
  for (const body of bodies) {
    const response = await system.call('/mcp', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    statuses.push(response.status)
  }
  return statuses
}

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

test('a body with many characters of URIs counts as several requests', async () => {
  const uris = (count: number) =>
    Array.from({ length: count }, (_, n) => `file:///a/%62/${n}`.padEnd(1000, 'x'))
  const listen = (count: number) =>
    message('subscriptions/listen', { notifications: { resourceSubscriptions: uris(count) } })
  const statuses = await statusesOf(...Array.from({ length: 4 }, () => listen(500)))
  expect(statuses).toEqual([200, 429, 429, 429])
  expect(await statusesOf(...Array.from({ length: 20 }, () => listen(5)))).toEqual(Array(20).fill(200))
})
