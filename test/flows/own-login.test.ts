import { createProxy, type OAuthProxy, type ProxyEvent, type ProxyOptions } from 'lockgate'
import { memory } from 'lockgate/storage/memory'
import { beforeEach, describe, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import {
  authorizeUrl,
  challengeOf,
  guarded,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  type Tokens,
} from '../support/system.ts'

const URL_OF = 'https://own.test'
const events: ProxyEvent[] = []
const clock = { ahead: 0 }
beforeEach(() => {
  events.length = 0
  clock.ahead = 0
})

interface OwnSystem extends System {
  readonly proxy: OAuthProxy
}

function start(options: Partial<ProxyOptions> = {}): OwnSystem {
  const proxy = createProxy({
    url: URL_OF,
    secret: 'a secret of the tests, long enough to be one',
    upstream: { login: '/login', name: 'your Example account' },
    storage: memory(),
    mcp: (_request, { user }) => Response.json(user),
    on: { event: (event) => events.push(event) },
    now: () => Math.floor(Date.now() / 1000) + clock.ahead,
    ...options,
  })
  const call: System['call'] = (path, init) =>
    proxy.fetch(new Request(path.startsWith('/') ? URL_OF + path : path, init))
  const system: Pick<OwnSystem, 'proxy' | 'url' | 'call' | 'post' | 'browser'> = {
    proxy,
    url: URL_OF,
    call,
    post: (path, params) => call(path, { method: 'POST', body: new URLSearchParams(params) }),
    browser: () => new Browser({ fetch: (request) => proxy.fetch(request) }),
  }
  return system as OwnSystem
}

/** Up to the application's page: the request that it gets. */
async function toLogin(system: OwnSystem, params: Record<string, string> = {}) {
  const client = await register(system)
  const verifier = newVerifier()
  const browser = system.browser()
  const url = authorizeUrl(system, client, { code_challenge: challengeOf(verifier), ...params })
  const consent = asPage(await browser.open(url))
  const stopAt = `${URL_OF}/login`
  const login = asUrl(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
  const cookie = await browser.jar.getCookieString(login.href)
  return { client, verifier, consent, login, browser, request: new Request(login, { headers: { cookie } }) }
}

const ada = { id: '7', name: 'Ada', email: 'ada@example.com', emailVerified: true, claims: { plan: 'gold' } }

async function signedIn(
  system: OwnSystem,
  user: Parameters<OAuthProxy['completeAuthorization']>[0]['user'] = ada,
) {
  const { client, verifier, request } = await toLogin(system)
  const response = await system.proxy.completeAuthorization({ request, user })
  const code = new URL(response.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const redeemed = await system.post('/token', redeemParams(client, { code, verifier }))
  expect(redeemed.status, await redeemed.clone().text()).toBe(200)
  return { client, tokens: (await redeemed.json()) as Tokens }
}

describe('a page of the application takes the place of the provider', () => {
  test('it learns what is asked, says who signed in, and the client gets in', async () => {
    const system = start()
    const { client, consent, request, verifier } = await toLogin(system, { scope: 'mcp' })
    expect(consent.text).toContain('your Example account')
    expect(system.proxy.parseAuthRequest(request)).toMatchObject({
      client: { name: 'Test client' },
      redirectUri: client.redirectUri,
      resource: `${URL_OF}/mcp`,
      scopes: [{ name: 'mcp', description: 'Use the tools of this server' }],
    })
    const answer = await system.proxy.completeAuthorization({ request, user: ada })
    const location = new URL(answer.headers.get('location') ?? '')
    expect(location.href.startsWith(client.redirectUri)).toBe(true)
    expect(location.searchParams.get('iss')).toBe(URL_OF)
    const code = location.searchParams.get('code') ?? ''
    const redeemed = await system.post('/token', redeemParams(client, { code, verifier }))
    const tokens = (await redeemed.json()) as Tokens
    const user = await (await guarded(system, tokens.access_token)).json()
    expect(user).toMatchObject({ name: 'Ada', email: 'ada@example.com', claims: { plan: 'gold' } })
    expect(events.map(({ type }) => type)).toContain('signed-in')
  })

  test('its sessions are refreshed and revoked as others are', async () => {
    const system = start()
    const { client, tokens } = await signedIn(system)
    const refreshed = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const next = (await refreshed.json()) as Tokens
    expect((await guarded(system, next.access_token)).status).toBe(200)
    await system.post('/revoke', { client_id: client.id, token: next.refresh_token })
    expect((await guarded(system, next.access_token)).status).toBe(401)
  })

  test('one id is one user; another id is another', async () => {
    const system = start()
    const idOf = async (id: string) => {
      const { tokens } = await signedIn(system, { id })
      return ((await (await guarded(system, tokens.access_token)).json()) as { id: string }).id
    }
    const [first, again, other] = [await idOf('7'), await idOf('7'), await idOf('8')]
    expect(first).toBe(again)
    expect(first).not.toBe(other)
  })

  test('a token it gives is the handler’s; without one there is none', async () => {
    const mcp: ProxyOptions['mcp'] = async (_request, { upstream }) =>
      new Response(await upstream.accessToken())
    const system = start({ mcp })
    const expiresAt = Math.floor(Date.now() / 1000) + 7200
    const { tokens } = await signedIn(system, {
      id: '7',
      token: { accessToken: 'of the application', expiresAt },
    })
    expect(await (await guarded(system, tokens.access_token)).text()).toBe('of the application')
    const without = await signedIn(system)
    expect(await outcome(await guarded(system, without.tokens.access_token))).toEqual([403, 'access_denied'])
  })

  test('allow decides here, too', async () => {
    const system = start({ allow: ['@example.org'] })
    const { request } = await toLogin(system)
    const answer = await system.proxy.completeAuthorization({ request, user: ada })
    expect([answer.status, answer.headers.get('location')]).toEqual([403, null])
    expect(events.map(({ type }) => type)).toContain('turned-away')
  })

  test('its people see what they have connected', async () => {
    const system = start()
    await signedIn(system)
    const browser = system.browser()
    const account = asPage(await browser.open(`${URL_OF}/account`))
    const login = asUrl(await browser.submit(account, { provider: 'own' }, { stopAt: `${URL_OF}/login` }))
    const cookie = await browser.jar.getCookieString(login.href)
    const request = new Request(login, { headers: { cookie } })
    expect(system.proxy.parseAuthRequest(request)).toMatchObject({ scopes: [] })
    const answer = await system.proxy.completeAuthorization({ request, user: ada })
    for (const one of answer.headers.getSetCookie()) await browser.jar.setCookie(one, URL_OF)
    const shown = asPage(await browser.open(answer.headers.get('location') ?? ''))
    expect(shown.text).toContain('Test client')
  })
})

describe('nobody else ends such a sign-in', () => {
  const ends = (system: OwnSystem, request: Request, state?: string) =>
    system.proxy.completeAuthorization({ request, user: ada, ...(state !== undefined && { state }) })

  test('not in another browser, not before consent, not with an invented state', async () => {
    const system = start()
    const { login, request } = await toLogin(system)
    const denied = expect.objectContaining({ code: 'access_denied' })
    expect(() => system.proxy.parseAuthRequest(new Request(login))).toThrow()
    await expect(ends(system, new Request(login))).rejects.toEqual(denied)
    await expect(ends(system, request, 'invented')).rejects.toEqual(denied)
    await expect(ends(system, new Request(`${URL_OF}/login`))).rejects.toEqual(denied)
  })

  test('not too late', async () => {
    const system = start()
    const { request } = await toLogin(system)
    clock.ahead = 3600
    await expect(ends(system, request)).rejects.toEqual(expect.objectContaining({ code: 'invalid_request' }))
  })

  test('a second time it is another browser: the cookie is gone', async () => {
    const system = start()
    const { request, browser, login } = await toLogin(system)
    const answer = await ends(system, request)
    for (const one of answer.headers.getSetCookie()) await browser.jar.setCookie(one, URL_OF)
    const cookie = await browser.jar.getCookieString(login.href)
    await expect(ends(system, new Request(login, { headers: { cookie } }))).rejects.toThrow()
  })

  test('no answer at a callback is taken for it', async () => {
    const system = start()
    const { login, browser } = await toLogin(system)
    for (const path of ['/callback', '/callback/own', '/callback/']) {
      const state = login.searchParams.get('state') ?? ''
      const shown = asPage(
        await browser.open(`${URL_OF}${path}?${new URLSearchParams({ state, code: 'x' })}`),
      )
      expect([path, shown.status >= 400]).toEqual([path, true])
    }
  })

  test('a page elsewhere is a wrong option: the browser would not show it its cookie', () => {
    expect(() => start({ upstream: { login: 'https://evil.example/login', name: 'x' } })).toThrow(
      /origin of `url`/,
    )
    expect(() => start({ upstream: { login: 'login', name: 'x' } })).toThrow(/upstream/)
  })
})
