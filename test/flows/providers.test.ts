import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type OAuthProxy, type ProxyEvent, type ProxyOptions, type Store } from 'lockgate'
import type { Provider } from 'lockgate/providers/define'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { freePort } from '../support/free-port.ts'
import { signInAtProvider, startProvider, type TestProvider } from '../support/provider.ts'
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

const ORIGIN = 'http://localhost:8787'
const SECRET = 'a secret of the tests, long enough to be one'

let staff: TestProvider
let guests: TestProvider
const clock = { ahead: 0 }
const events: ProxyEvent[] = []

beforeAll(async () => {
  const redirectUris = ['/staff', '/guests', '/tenant', ''].map((path) => `${ORIGIN}/callback${path}`)
  staff = await startProvider({ redirectUris, accessTokenTtl: 120, port: await freePort() })
  guests = await startProvider({ redirectUris, accessTokenTtl: 120 })
})
afterAll(() => Promise.all([staff.close(), guests.close()]))
beforeEach(() => {
  clock.ahead = 0
  events.length = 0
})

const providerOf = (server: TestProvider, id: string): Provider => ({
  ...oidc({ ...server, name: `the ${id} account` }),
  id,
})

/** A proxy that is called in this process, with the providers over HTTP. */
function systemOf(options: Partial<ProxyOptions>, host = ORIGIN): System & { proxy: OAuthProxy } {
  const tell: ProxyOptions['mcp'] = async (_request, { user, upstream }) =>
    Response.json({ user: user.id, provider: upstream.provider, token: await upstream.accessToken() })
  const proxy = createProxy({
    url: ORIGIN,
    secret: SECRET,
    storage: memory(),
    upstream: [providerOf(staff, 'staff'), providerOf(guests, 'guests')],
    mcp: [
      { path: '/work', name: 'the work server', handler: tell, upstream: ['staff'] },
      { path: '/visit', name: 'the visitors’ server', handler: tell, upstream: ['guests'] },
      { path: '/both', name: 'the open server', handler: tell },
    ],
    on: { event: (event) => events.push(event) },
    now: () => Math.floor(Date.now() / 1000) + clock.ahead,
    revocationLag: 0,
    ...options,
  })
  return at(proxy, host)
}

/** The same proxy, asked at another host. */
function at(proxy: OAuthProxy, host: string): System & { proxy: OAuthProxy } {
  const here = (url: string) => url.replace(ORIGIN, host)
  const ask = (url: string, init?: RequestInit) => proxy.fetch(new Request(here(url), init))
  const reach = async (request: Request) => {
    if (!request.url.startsWith(ORIGIN)) return fetch(request)
    const { method, headers } = request
    return ask(request.url, { method, headers, body: method === 'GET' ? null : await request.text() })
  }
  const system: Pick<System, 'url' | 'call' | 'post' | 'browser' | 'proxy'> = {
    proxy,
    url: ORIGIN,
    call: (path, init) => ask(path.startsWith('/') ? ORIGIN + path : path, init),
    post: (path, params, headers) =>
      ask(ORIGIN + path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} }),
    browser: () => new Browser({ fetch: reach }),
  }
  return system as System & { proxy: OAuthProxy }
}

/** Up to the callback, which is left to the test. */
async function toCallback(
  system: System,
  client: TestClient,
  path: string,
  provider?: string,
  verifier = newVerifier(),
) {
  const browser = system.browser()
  const params = { resource: ORIGIN + path, code_challenge: challengeOf(verifier) }
  const consent = asPage(await browser.open(authorizeUrl(system, client, params)))
  const choice: Record<string, string> = provider === undefined ? {} : { provider }
  const login = asPage(await browser.submit(consent, { decision: 'allow', ...choice }))
  const callback = asUrl(await signInAtProvider(browser, login, { stopAt: `${ORIGIN}/callback` }))
  return { browser, consent, login, callback, verifier }
}

async function signedIn(system: System, path: string, provider?: string) {
  const client = await register(system)
  const { browser, callback, verifier, consent } = await toCallback(system, client, path, provider)
  const answer = asUrl(await browser.open(callback.href, { stopAt: client.redirectUri }))
  const code = answer.searchParams.get('code') ?? ''
  const response = await system.post('/token', redeemParams(client, { code, verifier }))
  expect(response.status, await response.clone().text()).toBe(200)
  return { client, consent, tokens: (await response.json()) as Tokens }
}

const call = (system: System, path: string, { access_token: token }: Tokens) =>
  system.call(path, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } })

interface Told {
  readonly user: string
  readonly provider: string
  readonly token: string
}

async function told(response: Response): Promise<Told> {
  expect(response.status, await response.clone().text()).toBe(200)
  return response.json()
}

const refreshes = ({ received }: TestProvider) =>
  received.filter((body) => body.includes('grant_type=refresh_token')).length

describe('two servers with two providers behind one proxy', () => {
  test('a token for one is refused at the other, and each page says which account is asked', async () => {
    const system = systemOf({})
    const [work, visit] = [await signedIn(system, '/work'), await signedIn(system, '/visit')]
    expect(work.consent.text).toContain('the work server')
    expect(work.consent.text).toContain('the staff account')
    expect(work.consent.text).not.toContain('the guests account')
    expect(visit.consent.text).toContain('the guests account')
    expect((await told(await call(system, '/work', work.tokens))).provider).toBe('staff')
    expect((await told(await call(system, '/visit', visit.tokens))).provider).toBe('guests')
    expect((await call(system, '/visit', work.tokens)).status).toBe(401)
    expect((await call(system, '/work', visit.tokens)).status).toBe(401)
  })

  test('each is refreshed at its own provider', async () => {
    const system = systemOf({})
    const [work, visit] = [await signedIn(system, '/work'), await signedIn(system, '/visit')]
    clock.ahead += 90
    for (const [server, path, { tokens }] of [
      [staff, '/work', work],
      [guests, '/visit', visit],
    ] as const) {
      const other = server === staff ? guests : staff
      const before = [refreshes(server), refreshes(other)]
      await told(await call(system, path, tokens))
      expect([refreshes(server), refreshes(other)]).toEqual([before[0]! + 1, before[1]])
    }
  })

  test('events and the server behind learn which provider it was', async () => {
    const system = systemOf({})
    await signedIn(system, '/visit')
    for (const type of ['consented', 'signed-in'])
      expect(events.find((event) => event.type === type)).toMatchObject({ provider: 'guests' })
    const behind = createServer((request, response) => response.end(JSON.stringify(request.headers)))
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(behind.address() as AddressInfo).port}/both`
    const forwarding = systemOf({ mcp: url })
    const { tokens } = await signedIn(forwarding, '/both', 'guests')
    const heard = await forwarding.call('/both', {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}`, 'x-lockgate-provider': 'staff' },
    })
    expect(await heard.json()).toMatchObject({
      'x-lockgate-provider': 'guests',
      'x-lockgate-client-name': 'Test client',
      'x-lockgate-user-id': expect.any(String),
      'x-lockgate-grant': events.findLast(({ type }) => type === 'issued')?.grant,
    })
    behind.close()
  })

  test('a server that names a provider there is none of is a wrong option', () => {
    const mcp = [{ path: '/work', handler: () => new Response(), upstream: ['nobody'] }]
    expect(() => systemOf({ mcp })).toThrow(/mcp\.0\.upstream: .*nobody/)
    const twice = [providerOf(staff, 'staff'), providerOf(guests, 'staff')]
    expect(() => systemOf({ upstream: twice })).toThrow(/upstream: two providers share one id/)
  })
})

describe('of several providers', () => {
  test('the user chooses one on the consent page', async () => {
    const system = systemOf({})
    for (const id of ['staff', 'guests']) {
      const { consent, tokens } = await signedIn(system, '/both', id)
      const shown = consent.document.querySelectorAll('button[name=provider]')
      expect(shown.map((button) => button.getAttribute('value'))).toEqual(['staff', 'guests'])
      expect((await told(await call(system, '/both', tokens))).provider).toBe(id)
    }
  })

  test.each([
    ['none', '/both', undefined],
    ['one there is none of', '/both', 'nobody'],
    ['one of another server', '/work', 'guests'],
    ['a path', '/both', '../staff'],
    ['a word of the language', '/both', '__proto__'],
  ])('to choose %s leads nowhere', async (_name, path, provider) => {
    const system = systemOf({})
    const client = await register(system)
    const browser = system.browser()
    const consent = asPage(await browser.open(authorizeUrl(system, client, { resource: ORIGIN + path })))
    const choice: Record<string, string> = provider === undefined ? {} : { provider }
    const asked = [staff.requests.length, guests.requests.length]
    const refused = asPage(await browser.submit(consent, { decision: 'allow', ...choice }))
    expect(refused.status).toBe(400)
    expect([staff.requests.length, guests.requests.length]).toEqual(asked)
  })

  test('each has a callback of its own, and the answer of one is not taken for another’s', async () => {
    const system = systemOf({})
    const client = await register(system)
    const { browser, callback } = await toCallback(system, client, '/both', 'staff')
    expect(callback.pathname).toBe('/callback/staff')
    const exchanges = () =>
      [staff, guests].map(({ requests }) => requests.filter((line) => line === 'POST /token').length)
    const before = exchanges()
    for (const pathname of ['/callback/guests', '/callback', '/callback/nobody']) {
      const mixed = new URL(callback)
      mixed.pathname = pathname
      const shown = asPage(await browser.open(mixed.href))
      expect([pathname, shown.status]).toEqual([pathname, 403])
    }
    const foreign = await toCallback(system, client, '/both', 'guests')
    const mixed = new URL(callback)
    mixed.searchParams.set('code', foreign.callback.searchParams.get('code')!)
    mixed.searchParams.set('iss', guests.issuer)
    const answer = await browser.open(mixed.href, { stopAt: client.redirectUri })
    expect(asUrl(answer).searchParams.get('code')).toBeNull()
    expect(exchanges(), 'no code went to anybody').toEqual(before)
  })

  test('a rule of allow takes the word of one only', async () => {
    const system = systemOf({ allow: ['staff/sub:ada'] })
    await signedIn(system, '/both', 'staff')
    const client = await register(system)
    const { browser, callback } = await toCallback(system, client, '/both', 'guests')
    expect(asPage(await browser.open(callback.href, { stopAt: client.redirectUri })).status).toBe(403)
    expect(events.at(-1)).toMatchObject({ type: 'turned-away', provider: 'guests' })
    const asked: string[] = []
    const judged = systemOf({ allow: (_identity, { provider }) => asked.push(provider) > 0 })
    await signedIn(judged, '/both', 'guests')
    expect(asked).toEqual(['guests'])
  })

  test.each(['sub:ada', 'org:acme', 'team:acme/platform', 'group:staff', 'nobody/sub:ada'])(
    '%s alone is a wrong rule',
    (rule) => {
      expect(() => systemOf({ allow: ['@example.com', rule] })).toThrow(/allow\.1: (means|names)/)
    },
  )

  test('a sign-in that began while there was one, unnamed, is finished', async () => {
    const system = systemOf({ upstream: providerOf(staff, 'staff'), mcp: mcpOf('/both') })
    const client = await register(system)
    const { browser, callback } = await toCallback(system, client, '/both')
    const sealer = createSealer(createKeyring([SECRET]), system.url)
    const state = callback.searchParams.get('state')!
    const cookies = await browser.jar.getCookies(callback.href)
    const cookie = cookies.find(({ key }) => key.endsWith(`-sign-in-${state}`))!
    const { request, ...flow } = sealer.open('sign-in', state, cookie.value) as {
      request: Record<string, unknown>
    }
    expect(request.provider).toBe('staff')
    const { provider: _, ...old } = request
    cookie.value = sealer.seal('sign-in', state, { ...flow, request: old })
    await browser.jar.setCookie(cookie, callback.href)
    const answer = asUrl(await browser.open(callback.href, { stopAt: client.redirectUri }))
    expect(answer.searchParams.get('code')).not.toBeNull()
  })

  test('what was granted with one that is gone has ended, without a failure', async () => {
    const storage = memory()
    const system = systemOf({ storage })
    const { client, tokens } = await signedIn(system, '/both', 'guests')
    const without = systemOf({ storage, upstream: providerOf(staff, 'staff'), mcp: mcpOf('/both') })
    expect(await outcome(await call(without, '/both', tokens))).toEqual([401, 'invalid_token'])
    const refreshed = await without.post('/token', refreshParams(client, tokens.refresh_token))
    expect(await outcome(refreshed)).toEqual([400, 'invalid_grant'])
    expect(events.find(({ type }) => type === 'grant-ended')).toBeDefined()
  })

  test('a grant that names none belongs to the first one', async () => {
    const storage = memory()
    const system = systemOf({ storage, upstream: providerOf(staff, 'staff'), mcp: mcpOf('/both') })
    const { tokens, client } = await signedIn(system, '/both')
    await forget(storage)
    expect((await call(system, '/both', tokens)).status).toBe(200)
    const two = systemOf({ storage })
    expect((await two.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })
})

const mcpOf = (path: string): ProxyOptions['mcp'] => [{ path, handler: () => new Response('behind') }]

/** Makes every record one of a version that knew one provider only. */
async function forget(storage: Store): Promise<void> {
  for await (const key of storage.keys('grant:')) {
    const { provider: _, ...old } = (await storage.get(key))!.value as Record<string, unknown>
    await storage.set(key, old, 600)
  }
}

describe('tenants, each with a provider by a function of the request', () => {
  const one = 'http://one.test'
  const other = 'http://other.test'
  const tenants = () =>
    systemOf({
      upstream: ({ url }) => providerOf(new URL(url).hostname === 'one.test' ? staff : guests, 'tenant'),
      mcp: [
        {
          path: '/both',
          handler: async (_request, { user, upstream }) =>
            Response.json({
              user: user.id,
              provider: upstream.provider,
              token: await upstream.accessToken(),
            }),
        },
      ],
    }).proxy

  test('each signs in at its own, and a token of one is nothing to the other', async () => {
    const proxy = tenants()
    const [first, second] = [at(proxy, one), at(proxy, other)]
    const here = await signedIn(first, '/both')
    const there = await signedIn(second, '/both')
    const [a, b] = [
      await told(await call(first, '/both', here.tokens)),
      await told(await call(second, '/both', there.tokens)),
    ]
    expect(a.provider).not.toBe(b.provider)
    expect(await outcome(await call(second, '/both', here.tokens))).toEqual([401, 'invalid_token'])
    const refresh = refreshParams(here.client, here.tokens.refresh_token)
    expect(await outcome(await second.post('/token', refresh))).toEqual([400, 'invalid_grant'])
    expect((await first.post('/token', refresh)).status, 'the attempt ended nothing').toBe(200)
  })

  test('an answer to one tenant’s sign-in is not taken at another’s', async () => {
    const proxy = tenants()
    const first = at(proxy, one)
    const client = await register(first)
    const { browser, callback } = await toCallback(first, client, '/both')
    const cookie = await browser.jar.getCookieString(callback.href)
    const asked = staff.requests.length
    const response = await at(proxy, other).call(callback.href, { headers: { cookie }, redirect: 'manual' })
    expect(response.status).toBe(403)
    expect(staff.requests.length).toBe(asked)
  })

  test('one person at one provider is another user of another tenant’s application', async () => {
    const application = (id: string) => ({
      client_id: id,
      client_secret: `the secret of ${id}`,
      redirect_uris: [`${ORIGIN}/callback/oidc`],
      grant_types: ['authorization_code', 'refresh_token'],
    })
    const clients = ['first', 'second'].map(application)
    const shared = await startProvider({ redirectUris: [], configuration: { clients } })
    const proxy = systemOf({
      upstream({ url }) {
        const clientId = url.startsWith(one) ? 'first' : 'second'
        return oidc({ issuer: shared.issuer, clientId, clientSecret: `the secret of ${clientId}` })
      },
      mcp: [{ path: '/both', handler: (_request, { user }) => Response.json({ user: user.id }) }],
    }).proxy
    const users: string[] = []
    for (const host of [one, other, one]) {
      const system = at(proxy, host)
      const { tokens } = await signedIn(system, '/both')
      users.push((await told(await call(system, '/both', tokens))).user)
    }
    expect(users[0]).toBe(users[2])
    expect(users[0]).not.toBe(users[1])
    await shared.close()
  })
})

test('the account page says at which provider an app’s access ends too', async () => {
  const system = systemOf({})
  await signedIn(system, '/both', 'guests')
  const browser = system.browser()
  const start = asPage(await browser.open(`${ORIGIN}/account`))
  for (const id of ['staff', 'guests']) expect(start.text).toContain(`Sign in with the ${id} account`)
  const init = {
    method: 'POST',
    body: new URLSearchParams({ provider: 'guests' }),
    headers: { origin: ORIGIN },
  }
  const login = asPage(await browser.open(`${ORIGIN}/account/sign-in`, { init }))
  const end = await signInAtProvider(browser, login, { stopAt: `${ORIGIN}/account` })
  const { text } = typeof end === 'string' ? asPage(await browser.open(end)) : end
  expect(text).toContain('got from the guests account for it')
  expect(text).not.toContain('the staff account')
})

describe('every event of a grant says whose it is', () => {
  test.each([
    ['with one provider', (): Partial<ProxyOptions> => ({ upstream: providerOf(staff, 'staff') })],
    ['with several', (): Partial<ProxyOptions> => ({})],
  ])('%s', async (_name, options) => {
    const system = systemOf({ ...options(), mcp: tellsTokenAt('/both') })
    const { client, tokens } = await signedIn(system, '/both', 'staff')
    const { user } = await told(await call(system, '/both', tokens))
    clock.ahead = 90
    const refreshed = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await refreshed.json()) as Tokens
    const access = { token: next.access_token, client_id: client.id }
    await system.post('/revoke', access)
    await system.post('/revoke', { ...access, token: next.refresh_token })
    const owner = {
      client: expect.any(String),
      user,
      grant: expect.stringMatching(`^${user}\\.`),
      resource: `${ORIGIN}/both`,
      provider: 'staff',
    }
    const types = [
      'signed-in',
      'issued',
      'forwarded',
      'upstream-refreshed',
      'refreshed',
      'revoked',
      'revoked',
      'grant-ended',
    ]
    const about = events.filter(({ grant }) => grant !== undefined)
    expect(about.map(({ type, error }) => error ?? type)).toEqual(types)
    expect(about).toEqual(types.map((type) => expect.objectContaining({ type, ...owner })))
  })

  test('also one that is refused with a token of it, turned away, or fails', async () => {
    const refusing = systemOf({
      mcp: [
        {
          path: '/both',
          handler: async (_request, { upstream }) =>
            new Response(await upstream.accessToken({ refused: await upstream.accessToken() })),
        },
      ],
    })
    const { tokens } = await signedIn(refusing, '/both', 'guests')
    expect((await call(refusing, '/both', tokens)).status).toBe(502)
    const owned = { resource: `${ORIGIN}/both`, provider: 'guests', user: expect.any(String) }
    expect(events.at(-1)).toMatchObject({
      type: 'failed',
      code: 'bad_gateway',
      grant: expect.any(String),
      ...owned,
    })
    const closed = systemOf({ allow: ['nobody@example.com'] })
    const client = await register(closed)
    const { browser, callback } = await toCallback(closed, client, '/both', 'guests')
    await browser.open(callback.href, { stopAt: client.redirectUri })
    expect(events.at(-1)).toMatchObject({ type: 'turned-away', ...owned })
  })

  test('nothing is said to be revoked that another client shows', async () => {
    const system = systemOf({})
    const { tokens } = await signedIn(system, '/both', 'guests')
    const other = await register(system)
    await system.post('/revoke', { token: tokens.refresh_token, client_id: other.id })
    expect(events.map(({ type }) => type)).not.toContain('revoked')
  })
})

const tellsTokenAt = (path: string): ProxyOptions['mcp'] => [
  {
    path,
    handler: async (_request, { user, upstream }) =>
      Response.json({ user: user.id, provider: upstream.provider, token: await upstream.accessToken() }),
  },
]
