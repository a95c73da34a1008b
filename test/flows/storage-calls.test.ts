import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  authorizeUrl,
  connect,
  guarded,
  REDIRECT,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
} from '../support/system.ts'

let system: System

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

test('a flood of requests by nobody writes nothing', async () => {
  const client = await register(system)
  const browser = system.browser()
  await browser.open(authorizeUrl(system, client))
  system.store.reset()
  const made = 'A'.repeat(22)
  const work: (() => Promise<Response>)[] = [
    () =>
      system.call('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [REDIRECT] }),
      }),
    () => browser.request(authorizeUrl(system, client)),
    () => browser.request(authorizeUrl(system, client, { scope: 'nonsense' })),
    () => system.post('/consent', { request: 'x'.repeat(400), decision: 'allow' }),
    () => system.call('/callback?code=a&state=b'),
    () =>
      system.post(
        '/token',
        redeemParams(client, { code: `${made}.${made}.${'a'.repeat(27)}`, verifier: 'v'.repeat(43) }),
      ),
    () => system.post('/token', refreshParams(client, `${made}.${made}.1.${'a'.repeat(43)}`)),
    () => system.post('/revoke', { client_id: client.id, token: `${made}.${made}.1.${'a'.repeat(43)}` }),
    () => guarded(system, 'a.b.c.d.e'),
    () => system.call('/mcp', { method: 'POST', body: '{}' }),
  ]
  for (let round = 0; round < 50; round++) {
    await Promise.all(work.map(async (send) => (await send()).body?.cancel()))
  }
  // Even a consent that is really given only starts a sign-in in that browser.
  const page = await browser.open(authorizeUrl(system, client))
  await browser.submit(page as never, { decision: 'allow' })
  expect(system.store.writes).toBe(0)
})

test('a sign-in writes its grant twice, and a refresh once', async () => {
  const client = await register(system)
  system.store.reset()
  const signedIn = await signIn(system, client)
  expect(system.store.writes, 'the code').toBe(1)
  const response = await system.post('/token', redeemParams(client, signedIn))
  const tokens = (await response.json()) as { refresh_token: string }
  expect(system.store.writes, 'the exchange').toBe(2)
  await system.post('/token', refreshParams(client, tokens.refresh_token))
  expect(system.store.writes, 'the refresh').toBe(3)
  expect(system.store.reads, 'one read for each of the two exchanges').toBe(2)
})

test('within revocationLag a guarded request reads nothing', async () => {
  const { tokens } = await connect(system)
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
  system.store.reset()
  for (let round = 0; round < 20; round++) {
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
  }
  expect(system.store.reads).toBe(0)
  system.clock.ahead += 6
  const after = await Promise.all(Array.from({ length: 20 }, () => guarded(system, tokens.access_token)))
  expect(new Set(after.map(({ status }) => status))).toEqual(new Set([200]))
  expect(system.store.reads, 'one for all that come after it').toBe(1)
})

test('an invalid token reads nothing', async () => {
  system.store.reset()
  for (const token of ['x', 'a.b.c.d.e', 'A'.repeat(5000)]) {
    expect((await guarded(system, token)).status).toBe(401)
  }
  expect(system.store.reads).toBe(0)
})
