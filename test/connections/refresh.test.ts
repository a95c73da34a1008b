import { createServer, type ServerResponse } from 'node:http'
import type { ProxyEvent, ProxyOptions, Store } from 'lockgate'
import { createProxy } from 'lockgate'
import { serve } from 'lockgate/node'
import { oauth2 } from 'lockgate/providers/oauth2'
import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test } from 'vitest'
import { scaleTiming } from '../../src/timing.ts'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

const TTL = 3600

/** A provider whose responses to a refresh each test chooses, before any number of instances on one storage. */
async function start() {
  const provider = {
    refreshes: 0,
    atOnce: 0,
    most: 0,
    respond: (response: ServerResponse) => issue(response),
  }
  let number = 0
  const issue = (response: ServerResponse) => {
    const body = { access_token: `t${++number}`, refresh_token: `r${number}`, expires_in: TTL }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/me') return response.end('{"sub":"ada"}')
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      if (form.get('grant_type') !== 'refresh_token') return issue(response)
      provider.refreshes++
      provider.most = Math.max(provider.most, ++provider.atOnce)
      response.once('close', () => provider.atOnce--)
      provider.respond(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const at = (path: string) => `http://127.0.0.1:${port}${path}`
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const storage: Store = { ...memory(), consistency: 'atomic' }
  const url = 'http://localhost:8787'
  const upstream = oauth2({
    authorizationEndpoint: at('/authorize'),
    tokenEndpoint: at('/token'),
    userinfoEndpoint: at('/me'),
    clientId: 'id',
    clientSecret: 'secret',
  })

  function instance(options: Partial<ProxyOptions> = {}) {
    const clock = { ahead: 0 }
    const events: ProxyEvent[] = []
    const proxy = createProxy({
      url,
      secret: 'a secret of the tests, long enough to be one',
      upstream,
      storage,
      mcp: async (_request, auth) => new Response(await auth.upstream.accessToken()),
      accessTokenTtl: 86_400,
      revocationLag: 0,
      limits: false,
      on: { event: (event) => events.push(event) },
      now: () => Math.floor(Date.now() / 1000) + clock.ahead,
      ...options,
    })
    const call = (path: string, init?: RequestInit) => proxy.fetch(new Request(url + path, init))
    const system = {
      proxy,
      url,
      clock,
      events,
      call,
      post: (path: string, params: Record<string, string>) =>
        call(path, { method: 'POST', body: new URLSearchParams(params) }),
      browser: () => new Browser({ fetch: (request) => proxy.fetch(request) }),
    }
    return system as typeof system & System
  }

  /** Signs a user in, and returns what the client has then. */
  async function connect(system: System): Promise<{ client: TestClient; tokens: Tokens }> {
    const client = await register(system)
    const browser = system.browser()
    const verifier = newVerifier()
    const consent = asPage(
      await browser.open(authorizeUrl(system, client, { code_challenge: challengeOf(verifier) })),
    )
    const sent = asUrl(await browser.submit(consent, { decision: 'allow' }, { stopAt: at('/authorize') }))
    const callback = `${url}/callback?code=c&state=${sent.searchParams.get('state')}`
    const answer = asUrl(await browser.open(callback, { stopAt: client.redirectUri }))
    const code = answer.searchParams.get('code')!
    const response = await system.post('/token', redeemParams(client, { code, verifier }))
    return { client, tokens: (await response.json()) as Tokens }
  }

  const use = (system: System, { access_token: token }: Tokens) =>
    system.call('/mcp', { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } })

  return { provider, storage, instance, connect, use, issue }
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  scaleTiming(1)
  for (const close of closing.splice(0)) await close()
})

const timed = async <T>(work: Promise<T>): Promise<[T, number]> => {
  const began = performance.now()
  return [await work, performance.now() - began]
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Never responds: the process that waits is as good as dead. */
const hang = () => {}

/** Writes a lease that an instance with another clock left behind. */
async function leaveLease(storage: Store, seconds: number): Promise<void> {
  for await (const key of storage.keys('grant:')) {
    const record = (await storage.get(key))!.value as object
    const leasedUntil = Math.floor(Date.now() / 1000) + seconds
    await storage.set(key, { ...record, leasedUntil, askedAt: 1 }, 86_400)
  }
}

describe('an instance that died while it refreshed', () => {
  test('delays no request while the provider’s token works', async () => {
    const { provider, instance, connect, use } = await start()
    const [one, two] = [instance(), instance()]
    const { tokens } = await connect(one)
    for (const each of [one, two]) each.clock.ahead = TTL - 30
    provider.respond = hang
    void use(one, tokens)
    await until(() => provider.refreshes === 1)
    const [response, took] = await timed(use(two, tokens))
    expect([response.status, await response.text()]).toEqual([200, 't1'])
    expect(took).toBeLessThan(3000)
    expect(provider.refreshes).toBe(1)
  })

  test('is waited for until its lease ends, and another instance goes on', async () => {
    const { provider, instance, connect, use } = await start()
    const [one, two] = [instance(), instance()]
    const { tokens } = await connect(one)
    for (const each of [one, two]) each.clock.ahead = TTL
    const respond = provider.respond
    provider.respond = hang
    void use(one, tokens)
    await until(() => provider.refreshes === 1)
    provider.respond = respond
    const waiting = use(two, tokens)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(provider.refreshes, 'the other one waits').toBe(1)
    two.clock.ahead += 56
    expect(await (await waiting).text()).toBe('t2')
  })

  test('is waited for at most ten seconds: then the request gets 503, and the grant lives', {
    timeout: 40_000,
  }, async () => {
    const { storage, instance, connect, use } = await start()
    const one = instance()
    const { client, tokens } = await connect(one)
    one.clock.ahead = TTL
    await leaveLease(storage, TTL + 24)
    const [response, took] = await timed(use(one, tokens))
    expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
    expect(response.headers.get('retry-after')).not.toBeNull()
    expect(took).toBeGreaterThan(9000)
    expect(took).toBeLessThan(12_500)
    expect(one.events.at(-1)?.reason).toBe('refresh-by-another-instance')
    one.clock.ahead += 56
    expect((await one.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test.each([56, 1000, 86_400])(
    'had a clock that no instance can have: a lease that ends in %i s is not valid',
    async (ahead) => {
      const { storage, instance, connect, use } = await start()
      const one = instance()
      const { tokens } = await connect(one)
      one.clock.ahead = TTL
      await leaveLease(storage, TTL + ahead)
      const [response, took] = await timed(use(one, tokens))
      expect([response.status, await response.text()]).toEqual([200, 't2'])
      expect(took).toBeLessThan(2000)
    },
  )
})

describe('a provider that takes long while its token still works', () => {
  test('delays one call for a moment, and no call after a failure', async () => {
    const { provider, instance, connect, use } = await start()
    const one = instance()
    const { tokens } = await connect(one)
    one.clock.ahead = TTL - 40
    const held: ServerResponse[] = []
    provider.respond = (response) => held.push(response)
    const times: number[] = []
    for (let round = 0; round < 20; round++) {
      const [response, took] = await timed(use(one, tokens))
      expect(await response.text()).toBe('t1')
      times.push(took)
    }
    expect(Math.max(...times)).toBeLessThan(2500)
    expect(times.filter((took) => took > 300)).toHaveLength(1)
    expect(provider.refreshes, 'all of them share one attempt').toBe(1)
    // It fails at last: that is remembered for some seconds.
    held[0]!.writeHead(500).end()
    await until(() => one.events.some(({ reason }) => reason === 'provider-refresh-failed'))
    const [response, took] = await timed(use(one, tokens))
    expect([await response.text(), took < 300, provider.refreshes]).toEqual(['t1', true, 1])
  })

  test('and responds at last replaces the token for the next call', async () => {
    const { provider, instance, connect, use, issue } = await start()
    const one = instance()
    const { tokens } = await connect(one)
    one.clock.ahead = TTL - 40
    provider.respond = (response) => setTimeout(() => issue(response), 1500)
    expect(await (await use(one, tokens)).text()).toBe('t1')
    await until(() => one.events.some(({ type }) => type === 'upstream-refreshed'))
    expect(await (await use(one, tokens)).text()).toBe('t2')
    expect(provider.refreshes).toBe(1)
  })

  test('lets clients refresh after one failure', async () => {
    const { provider, instance, connect } = await start()
    const one = instance()
    const { client, tokens } = await connect(one)
    one.clock.ahead = TTL - 40
    provider.respond = (response) => response.writeHead(500).end()
    const first = await one.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await first.json()) as Tokens
    provider.respond = hang
    const [again, took] = await timed(one.post('/token', refreshParams(client, next.refresh_token)))
    expect([again.status, took < 1000]).toEqual([200, true])
  })
})

test('a storage that fails for seconds after the provider responded loses no token', async () => {
  scaleTiming(0.1)
  const { provider, storage, instance, connect, use, issue } = await start()
  const { swap } = storage
  let refused = 0
  provider.respond = (response) => {
    storage.swap = async (...given) => {
      if (refused++ < 4) throw new Error('the storage restarts')
      return swap.apply(storage, given)
    }
    issue(response)
  }
  const one = instance()
  const { tokens } = await connect(one)
  one.clock.ahead = TTL
  expect(await (await use(one, tokens)).text()).toBe('t2')
  expect([provider.refreshes, refused]).toEqual([1, 5])
  // Another instance finds the new token, so that it was saved.
  const two = instance()
  two.clock.ahead = TTL
  expect(await (await use(two, tokens)).text()).toBe('t2')
  expect(provider.refreshes).toBe(1)
})

test.each([
  [
    'an MCP request',
    (_client: TestClient, { access_token: token }: Tokens): [string, RequestInit] => [
      'mcp',
      { body: '{}', headers: { authorization: `Bearer ${token}` } },
    ],
  ],
  [
    'a refresh',
    (client: TestClient, { refresh_token: token }: Tokens): [string, RequestInit] => [
      'token',
      { body: new URLSearchParams(refreshParams(client, token)) },
    ],
  ],
])(
  'a server that stops waits for the refresh that %s began, although its client has left',
  async (_name, ask) => {
    const { provider, instance, connect, use, issue } = await start()
    const one = instance()
    const { client, tokens } = await connect(one)
    const served = await serve(one.proxy, { port: 0, onListen: () => {} })
    one.clock.ahead = TTL
    provider.respond = (response) => setTimeout(() => issue(response), 700)
    const leaving = new AbortController()
    const [path, init] = ask(client, tokens)
    const asked = fetch(served.url + path, { method: 'POST', signal: leaving.signal, ...init }).catch(
      () => 'left',
    )
    await until(() => provider.refreshes === 1)
    leaving.abort()
    expect(await asked).toBe('left')
    const [, took] = await timed(served.close())
    expect(took).toBeGreaterThan(400)
    // Another process finds the new token.
    const two = instance()
    two.clock.ahead = TTL
    expect(await (await use(two, tokens)).text()).toBe('t2')
    expect(provider.refreshes).toBe(1)
  },
)

test('of tokens that expire together, a limited number is refreshed at once', async () => {
  const { provider, instance, connect, use, issue } = await start()
  const one = instance()
  const people = []
  for (let index = 0; index < 100; index++) people.push(await connect(one))
  one.clock.ahead = TTL
  provider.respond = (response) => setTimeout(() => issue(response), 50)
  const responses = await Promise.all(people.map(({ tokens }) => use(one, tokens)))
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(provider.refreshes).toBe(100)
  expect(provider.most).toBeLessThanOrEqual(20)
})
