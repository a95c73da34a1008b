import { createProxy, type RateLimiter, type Store } from 'lockgate'
import { redis } from 'lockgate/limits/redis'
import { workers } from 'lockgate/limits/workers'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ms } from '../../src/timing.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  REDIRECT,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
  type Tokens,
} from '../support/system.ts'

let system: StartedSystem | undefined
afterEach(async () => {
  await system?.close()
  system = undefined
})

/** A request from an address, as Node's server passes it. */
const from = (ip: string, path: string, init?: RequestInit) =>
  system!.proxy.fetch(new Request(system!.url + path, init), { ip })

const postFrom = (ip: string, path: string, params: Record<string, string>, headers = {}) =>
  from(ip, path, { method: 'POST', body: new URLSearchParams(params), headers })

const registration = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ redirect_uris: [REDIRECT] }),
}

describe('requests without credentials', () => {
  test('are limited by address, across the endpoints, and flow again with time', async () => {
    system = await startSystem({ limits: { address: 3 } })
    const client = await register(system)
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(201)
    expect((await from('192.0.2.1', authorizeUrl(system, client).slice(system.url.length))).status).toBe(200)
    expect((await postFrom('192.0.2.1', '/consent', {})).status).toBe(400)
    const refused = await from('192.0.2.1', '/register', registration)
    expect(refused.headers.get('retry-after')).toMatch(/^(19|20)$/)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(await outcome(refused)).toEqual([429, 'too_many_requests'])
    expect(system.events.at(-1)).toMatchObject({
      type: 'rate-limited',
      code: 'too_many_requests',
      reason: 'limit-address',
    })
    const page = await from('192.0.2.1', '/callback?state=x')
    expect([page.status, page.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^(19|20)$/)])
    expect(page.headers.get('content-type')).toContain('text/html')
    // Others are let in, and so are those whose address nobody knows.
    expect((await from('192.0.2.2', '/register', registration)).status).toBe(201)
    for (let i = 0; i < 5; i++) expect((await system.call('/register', registration)).status).toBe(201)
    // Metadata is what a refused client needs to start over.
    expect((await from('192.0.2.1', '/.well-known/oauth-authorization-server')).status).toBe(200)
    system.clock.ahead += 20
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(201)
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(429)
  })

  test.each([
    ['GET', '/account'],
    ['POST', '/account/sign-in'],
    ['POST', '/account/sign-out'],
    ['POST', '/account/revoke'],
    ['POST', '/consent'],
    ['GET', '/callback'],
    ['POST', '/callback'],
    ['GET', '/authorize'],
    ['POST', '/authorize'],
  ])('are limited at %s %s', async (method, path) => {
    system = await startSystem({ limits: { address: 2 } })
    const ask = async () =>
      (await from('192.0.2.1', path, { method, ...(method !== 'GET' && { body: new URLSearchParams() }) }))
        .status
    const statuses = [await ask(), await ask(), await ask()]
    expect(statuses.slice(0, 2)).not.toContain(404)
    expect(statuses.slice(0, 2)).not.toContain(429)
    expect(statuses[2]).toBe(429)
  })

  test('that are refused by the hundred are told in few events, with their number', async () => {
    system = await startSystem({ limits: { address: 1 } })
    const limited = () => system!.events.filter(({ type }) => type === 'rate-limited')
    const flood = async (count: number) => {
      for (let i = 0; i < count; i++) await from('192.0.2.1', '/register', registration)
    }
    await flood(101)
    expect(limited()).toHaveLength(1)
    const window = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + ms.eventWindow + 1)
    await flood(1)
    window.mockRestore()
    expect(limited()).toHaveLength(2)
    expect(limited().at(-1)).toMatchObject({ reason: 'limit-address', count: 100 })
    // Another endpoint is another event.
    await from('192.0.2.1', '/callback?state=x')
    expect(limited()).toHaveLength(3)
  })

  test.each([
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['::ffff:c000:201', '192.0.2.1', true],
    ['2001:db8::1', '2001:DB8:0:0:ffff::2', true],
    ['2001:db8:0:1::1', '2001:db8::1', false],
    ['192.0.2.1', '192.0.2.2', false],
    ['fe80::1%eth0', 'fe80::2', true],
  ])('from %s and %s count as one: %s', async (first, second, same) => {
    system = await startSystem({ limits: { address: 1 } })
    expect((await from(first, '/register', registration)).status).toBe(201)
    expect((await from(second, '/register', registration)).status).toBe(same ? 429 : 201)
  })

  test('count by X-Forwarded-For only as far as it is told to be trusted', async () => {
    const forwarded = (value: string) =>
      from('10.0.0.1', '/register', {
        ...registration,
        headers: { ...registration.headers, 'x-forwarded-for': value },
      })
    system = await startSystem({ limits: { address: 1 } })
    expect((await forwarded('192.0.2.1')).status).toBe(201)
    expect((await forwarded('192.0.2.2')).status).toBe(429)
    await system.close()
    system = await startSystem({ limits: { address: 1 }, trustProxy: 1 })
    expect((await forwarded('192.0.2.1')).status).toBe(201)
    expect((await forwarded('192.0.2.2')).status).toBe(201)
    // What a client wrote itself stands to the left of what the proxy saw.
    expect((await forwarded('192.0.2.9, 192.0.2.2:4711')).status).toBe(429)
    await system.close()
    system = await startSystem({ limits: { address: 1 }, trustProxy: 2 })
    expect((await forwarded('192.0.2.1, 10.0.0.2')).status).toBe(201)
    expect((await forwarded('192.0.2.1, 10.0.0.3')).status).toBe(429)
    // Too short to have come by both: the other end of the connection counts.
    expect((await forwarded('192.0.2.3')).status).toBe(201)
    expect((await forwarded('192.0.2.4')).status).toBe(429)
  })
})

describe('failures', () => {
  const SECRET = 'a secret that somebody chose'
  const configured = {
    clients: [{ clientId: 'ours', clientSecret: SECRET, redirectUris: [REDIRECT] }],
    limits: { failures: 3 },
  }
  const guess = (ip: string, client_secret: string, client_id = 'ours') =>
    postFrom(ip, '/token', { grant_type: 'refresh_token', refresh_token: 'x', client_id, client_secret })

  test('of a client shut it out, with the right secret too, until there is room again', async () => {
    system = await startSystem(configured)
    for (let i = 0; i < 3; i++)
      expect(await outcome(await guess('192.0.2.1', `guess ${i}`))).toEqual([401, 'invalid_client'])
    const refused = await guess('192.0.2.1', 'another guess')
    expect(refused.headers.get('retry-after')).toMatch(/^(19|20)$/)
    expect(await outcome(refused)).toEqual([429, 'too_many_requests'])
    // Nobody learns that a guess was right.
    expect((await guess('192.0.2.1', SECRET)).status).toBe(429)
    const basic = { authorization: `Basic ${btoa(`%6furs:${SECRET}`)}` }
    expect((await postFrom('192.0.2.1', '/revoke', { token: 'x' }, basic)).status).toBe(429)
    // The same client elsewhere, and another one here, are not meant.
    expect(await outcome(await guess('192.0.2.2', SECRET))).toEqual([400, 'invalid_grant'])
    expect((await guess('192.0.2.1', SECRET, 'other')).status).toBe(401)
    system.clock.ahead += 20
    expect(await outcome(await guess('192.0.2.1', SECRET))).toEqual([400, 'invalid_grant'])
  })

  test('with a secret count also where no address is known', async () => {
    system = await startSystem(configured)
    const statuses: number[] = []
    const params = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'ours', client_secret: 'no' }
    for (let i = 0; i < 5; i++) statuses.push((await system.post('/token', params)).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
  })

  test('with codes and refresh tokens count by client and address', async () => {
    system = await startSystem({ limits: { failures: 2 } })
    const client = await register(system)
    const wrong = { grant_type: 'authorization_code', client_id: client.id, code: 'x', code_verifier: 'v' }
    expect((await postFrom('192.0.2.1', '/token', wrong)).status).toBe(400)
    expect((await postFrom('192.0.2.1', '/token', refreshParams(client, 'x'))).status).toBe(400)
    expect((await postFrom('192.0.2.1', '/token', wrong)).status).toBe(429)
    expect((await postFrom('192.0.2.1', '/token', refreshParams(client, 'x'))).status).toBe(429)
    for (let i = 0; i < 4; i++) expect((await system.post('/token', wrong)).status).toBe(400)
  })

  test.each([
    ['/token', { grant_type: 'refresh_token', refresh_token: 'x' }],
    ['/revoke', { token: 'x' }],
  ])('of made-up clients at %s count by address, and no client id helps', async (path, params) => {
    let time = 1_700_000_000
    system = await startSystem({ limits: { address: 60 }, now: () => time })
    const statuses: number[] = []
    for (let n = 0; n < 80; n++) {
      const made = { ...params, client_id: `https://client-${n}.example/c.json` }
      statuses.push(
        (await postFrom('192.0.2.1', path, n % 2 ? made : { ...params, client_id: `c${n}` })).status,
      )
    }
    expect(statuses.slice(60).every((status) => status === 429)).toBe(true)
    expect(statuses.slice(0, 50)).not.toContain(429)
    expect(
      (await postFrom('192.0.2.2', path, { ...params, client_id: 'other' })).status,
      'elsewhere',
    ).not.toBe(429)
    time += 60
    expect((await postFrom('192.0.2.1', path, { ...params, client_id: 'later' })).status).not.toBe(429)
  })

  test('of an address do not concern clients that proved who they are', async () => {
    system = await startSystem({ limits: { address: 20 } })
    const { client, tokens } = await connect(system)
    const refresh = (token: string) => postFrom('192.0.2.1', '/token', refreshParams(client, token))
    const first = (await (await refresh(tokens.refresh_token)).json()) as Tokens
    for (let n = 0; n < 30; n++) {
      await postFrom('192.0.2.1', '/token', {
        grant_type: 'refresh_token',
        refresh_token: 'x',
        client_id: `c${n}`,
      })
    }
    expect((await refresh(first.refresh_token)).status).toBe(200)
  })

  test('cost no read of the storage once an address has failed too often', async () => {
    system = await startSystem({ limits: { address: 10 }, registration: 'stored' })
    const guess = (n: number) =>
      postFrom('192.0.2.1', '/token', {
        grant_type: 'refresh_token',
        refresh_token: 'x',
        client_id: `app-${String(n).padStart(22, 'a')}`,
      })
    for (let n = 0; n < 12; n++) await guess(n)
    system.store.reset()
    for (let n = 12; n < 20; n++) expect((await guess(n)).status).toBe(429)
    expect(system.store.reads).toBe(0)
  })

  test('with bearer tokens are refused, while good ones of the same address pass', async () => {
    system = await startSystem({ limits: { address: 2 } })
    const { tokens } = await connect(system)
    const ask = (token: string) =>
      from('192.0.2.1', '/mcp', { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) statuses.push((await ask(`made up ${i}`)).status)
    expect(statuses).toEqual([401, 401, 429])
    expect((await ask(tokens.access_token)).status).toBe(200)
  })
})

test('one user’s requests are limited, and no other’s', async () => {
  system = await startSystem({ limits: { user: 2 } })
  const [one, other] = [await connect(system), await connect(system, { login: 'other' })]
  for (let i = 0; i < 2; i++) expect((await guarded(system, one.tokens.access_token)).status).toBe(200)
  const refused = await guarded(system, one.tokens.access_token)
  expect([refused.headers.get('retry-after'), refused.headers.get('www-authenticate')]).toEqual([
    expect.stringMatching(/^(29|30)$/),
    null,
  ])
  expect(await outcome(refused)).toEqual([429, 'too_many_requests'])
  expect((await system.post('/token', refreshParams(one.client, one.tokens.refresh_token))).status).toBe(429)
  expect((await guarded(system, other.tokens.access_token)).status).toBe(200)
  system.clock.ahead += 30
  expect((await system.post('/token', refreshParams(one.client, one.tokens.refresh_token))).status).toBe(200)
})

test('nobody waits for a clock that was set back', async () => {
  system = await startSystem({ limits: { user: 2, failures: 1 } })
  system.clock.ahead = 100_000
  const { client, tokens } = await connect(system)
  await guarded(system, tokens.access_token)
  const wrong = { ...refreshParams(client, 'x'), client_secret: 'none was given' }
  for (const status of [401, 429]) expect((await system.post('/token', wrong)).status).toBe(status)
  system.clock.ahead = 99_000
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
  expect((await guarded(system, tokens.access_token)).status).toBe(429)
  expect((await system.post('/token', wrong)).status).toBe(401)
})

test('a token that is looked up while a second passes does not empty the bucket of its user', async () => {
  const store = memory()
  let gate: Promise<void> | undefined
  const slow: Store = {
    ...store,
    async get(key) {
      const wait = gate
      gate = undefined
      await wait
      return store.get(key)
    },
  }
  system = await startSystem({ limits: { user: 4 }, storage: slow })
  const [one, other] = [await connect(system), await connect(system)]
  system.clock.ahead += 120
  let release = () => {}
  gate = new Promise((resolve) => {
    release = resolve
  })
  const late = guarded(system, other.tokens.access_token)
  await vi.waitFor(() => expect(gate).toBeUndefined())
  system.clock.ahead += 1
  const ask = async () => (await guarded(system!, one.tokens.access_token)).status
  expect([await ask(), await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 200, 429])
  release()
  expect((await late).status).toBe(429)
  expect([await ask(), await ask()]).toEqual([429, 429])
})

test('one client’s requests from one address are limited', async () => {
  system = await startSystem({ limits: { client: 1 } })
  const { client, tokens } = await connect(system)
  const refresh = (ip: string) => postFrom(ip, '/token', refreshParams(client, tokens.refresh_token))
  expect((await refresh('192.0.2.1')).status).toBe(200)
  expect((await refresh('192.0.2.1')).status).toBe(429)
  expect((await refresh('192.0.2.2')).status).toBe(200)
})

test('limits may be switched off, and wrong ones are named', async () => {
  system = await startSystem({ limits: false })
  for (let i = 0; i < 700; i++) expect((await from('192.0.2.1', '/register', {})).status).toBe(405)
  for (let i = 0; i < 700; i++) await from('192.0.2.1', '/callback')
  expect((await from('192.0.2.1', '/register', registration)).status).toBe(201)
  expect(() => createProxy({ limits: { user: 0 } } as never)).toThrow(/limits/)
})

describe('a limiter of one’s own', () => {
  test('decides, and where it fails or abstains the one in memory does', async () => {
    const keys: string[] = []
    let mode: 'deny' | 'abstain' | 'throw' = 'deny'
    const limiter: RateLimiter = {
      async take(key) {
        keys.push(key)
        if (mode === 'throw') throw new Error('away')
        return mode === 'deny' ? { allowed: false, retryAfter: 7 } : undefined
      },
    }
    system = await startSystem({ limits: { address: 2, limiter } })
    const refused = await from('192.0.2.1', '/register', registration)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7'])
    mode = 'throw'
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(201)
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'limiter-failed' }),
    )
    mode = 'abstain'
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(201)
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(429)
    expect(new Set(keys)).toEqual(new Set(['address:192.0.2.1']))
  })

  test('of Cloudflare’s bindings says by its period when to come back', async () => {
    const asked: string[] = []
    const address = { limit: async ({ key }: { key: string }) => ({ success: asked.push(key) < 2 }) }
    system = await startSystem({ limits: { limiter: workers({ address }, { period: 10 }) } })
    expect((await from('192.0.2.1', '/register', registration)).status).toBe(201)
    const refused = await from('192.0.2.1', '/register', registration)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10'])
    expect(asked).toEqual(['address:192.0.2.1', 'address:192.0.2.1'])
  })

  test.skipIf(noRedis)('in Redis is shared, and each instance counts alone while it is away', async () => {
    const server = await startRedis()
    const limiters = [redis({ url: server.url }), redis({ url: server.url })]
    try {
      system = await startSystem({ limits: { address: 2, limiter: limiters[0]! } })
      const other = system.another({ limits: { address: 2, limiter: limiters[1]! } })
      const ask = (at: StartedSystem) =>
        at.proxy.fetch(new Request(`${at.url}/register`, registration), { ip: '192.0.2.1' })
      expect((await ask(system)).status).toBe(201)
      expect((await ask(other)).status).toBe(201)
      const refused = await ask(system)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(20)
      expect((await ask(other)).status).toBe(429)
      if (!server.process) return
      await server.stop()
      const statuses: number[] = []
      for (let i = 0; i < 3; i++) statuses.push((await ask(system)).status)
      expect(statuses).toEqual([201, 201, 429])
      const failed = system.events.filter(({ reason }) => reason === 'limiter-failed')
      expect(failed.length, 'an operator learns it, once a second').toBeGreaterThan(0)
      expect(failed.length).toBeLessThan(statuses.length)
      expect(failed[0]).toMatchObject({
        type: 'failed',
        error: expect.stringMatching(/ECONN|ENOTCONN|ETIMEDOUT|respond/),
      })
    } finally {
      await Promise.all(limiters.map((limiter) => limiter.close()))
      await server.stop()
    }
  })
})
