import { type Auth, createProxy, type OAuthProxy, type ProxyEvent, type ProxyOptions } from 'lockgate'
import type { Provider } from 'lockgate/providers/define'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { signInAtProvider, startProvider, type TestProvider } from '../support/provider.ts'
import { authorizeUrl, connect, outcome, refreshParams, register, type System } from '../support/system.ts'

const URL_OF_ALL = 'http://localhost:8787'

let acme: TestProvider
let globex: TestProvider
const clock = { ahead: 0 }
const events: ProxyEvent[] = []

beforeAll(async () => {
  const redirectUris = ['', '/oidc', '/acme', '/globex'].map((path) => `${URL_OF_ALL}/callback${path}`)
  acme = await startProvider({ redirectUris, accessTokenTtl: 120 })
  globex = await startProvider({ redirectUris, accessTokenTtl: 120 })
})
afterAll(() => Promise.all([acme.close(), globex.close()]))
beforeEach(() => {
  clock.ahead = 0
  events.length = 0
})

const tenantOf = (request: Request) => request.headers.get('x-tenant')

/** Tenants at one address, told apart by a header that the gateway in front sets. */
function proxyOf(upstream: ProxyOptions['upstream'], options: Partial<ProxyOptions> = {}): OAuthProxy {
  return createProxy({
    url: URL_OF_ALL,
    secret: 'a secret of the tests, long enough to be one',
    storage: memory(),
    upstream,
    mcp: async (_request, { user, upstream: { provider, accessToken } }) =>
      Response.json({ user: user.id, provider, token: await accessToken() }),
    on: { event: (event) => events.push(event) },
    now: () => Math.floor(Date.now() / 1000) + clock.ahead,
    revocationLag: 0,
    ...options,
  })
}

/** Everything that one tenant sends, as it leaves the gateway. */
function through(proxy: OAuthProxy, tenant: string): System {
  const ask = async (request: Request) => {
    if (!request.url.startsWith(URL_OF_ALL)) return fetch(request)
    const marked = new Request(request)
    marked.headers.set('x-tenant', tenant)
    return proxy.fetch(marked)
  }
  const call = (path: string, init?: RequestInit) => ask(new Request(URL_OF_ALL + path, init))
  const system: Pick<System, 'url' | 'call' | 'post' | 'browser'> = {
    url: URL_OF_ALL,
    call,
    post: (path, params, headers) =>
      call(path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} }),
    browser: () => new Browser({ fetch: ask }),
  }
  return system as System
}

const mcp = (system: System, token: string) =>
  system.call('/mcp', { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } })

describe('tenants that share one address', () => {
  test('keep what is theirs while a thousand others come and go', async () => {
    const of = new Map<string, Provider>([
      ['acme', oidc(acme)],
      ['globex', oidc(globex)],
    ])
    const proxy = proxyOf((request) => {
      const tenant = tenantOf(request) ?? ''
      return of.get(tenant) ?? oidc({ ...globex, clientId: tenant })
    })
    const here = through(proxy, 'acme')
    const { tokens, client } = await connect(here)
    for (let index = 0; index < 1100; index++)
      await mcp(through(proxy, `other-${index}`), tokens.access_token)
    clock.ahead = 90
    const answer = await mcp(here, tokens.access_token)
    expect(answer.status, await answer.clone().text()).toBe(200)
    expect(events.map(({ type }) => type)).toContain('upstream-refreshed')
    expect(events.map(({ type }) => type)).not.toContain('grant-ended')
    const refreshed = await here.post('/token', refreshParams(client, tokens.refresh_token))
    expect(refreshed.status).toBe(200)
  })

  test('are asked to wait, not signed out, while the process does not know their provider', async () => {
    const kept: Auth[] = []
    const proxy = proxyOf(
      (request) => oidc(tenantOf(request) === 'acme' ? acme : { ...globex, clientId: tenantOf(request)! }),
      { mcp: (_request, auth) => Response.json({ kept: kept.push(auth) }) },
    )
    const { tokens } = await connect(through(proxy, 'acme'))
    await mcp(through(proxy, 'acme'), tokens.access_token)
    for (let index = 0; index < 1000; index++)
      await mcp(through(proxy, `other-${index}`), tokens.access_token)
    clock.ahead = 90
    await expect(kept[0]!.upstream.accessToken()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect((await mcp(through(proxy, 'acme'), tokens.access_token)).status).toBe(200)
    expect(await kept[0]!.upstream.accessToken()).toBeTypeOf('string')
  })

  test('that are described anew for each request are looked up once', async () => {
    const proxy = proxyOf((request) => oidc(tenantOf(request) === 'acme' ? acme : globex))
    const lookups = () => acme.requests.filter((line) => line.includes('openid-configuration')).length
    const before = lookups()
    for (let round = 0; round < 3; round++) await connect(through(proxy, 'acme'))
    expect(lookups() - before).toBe(1)
  })

  test('learn of a new secret at once', async () => {
    const secret = { current: 'not the one' }
    const proxy = proxyOf(() => oidc({ ...acme, clientSecret: secret.current }))
    await expect(connect(through(proxy, 'acme'))).rejects.toThrow()
    secret.current = acme.clientSecret
    await connect(through(proxy, 'acme'))
  })

  test.each([
    ['nothing', () => undefined, 404],
    ['a promise of nothing', async () => undefined, 404],
    ['something else', () => ({ issuer: 'http://plain.example', id: 'x' }), 500],
    [
      'a provider with an address that is not safe',
      () => ({ ...oidc(acme), issuer: 'http://a.example' }),
      500,
    ],
    [
      'an error',
      () => {
        throw new Error('the tenant’s secret value')
      },
      500,
    ],
  ])('lose nothing where the function gives %s', async (_name, give, status) => {
    let works = true
    const here = through(
      proxyOf(() => (works ? oidc(acme) : (give() as Provider))),
      'acme',
    )
    const { tokens, client } = await connect(here)
    works = false
    const shown = await here.browser().request(authorizeUrl(here, client))
    const told = new URL(shown.headers.get('location') ?? 'about:blank').searchParams.get('error')
    expect([shown.status, told]).toEqual([303, status === 404 ? 'invalid_request' : 'server_error'])
    const answers = [
      await mcp(here, tokens.access_token),
      await here.post('/token', refreshParams(client, tokens.refresh_token)),
    ]
    for (const answer of answers) {
      expect(answer.status).toBe(status)
      expect(await answer.text()).not.toContain('secret value')
    }
    works = true
    expect((await mcp(here, tokens.access_token)).status).toBe(200)
    expect((await here.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test('end nothing of each other by revoking', async () => {
    const proxy = proxyOf((request) => oidc(tenantOf(request) === 'acme' ? acme : globex))
    const [here, there] = [through(proxy, 'acme'), through(proxy, 'globex')]
    const { tokens, client } = await connect(here)
    const form = { token: tokens.refresh_token, client_id: client.id }
    expect((await there.post('/revoke', form)).status).toBe(200)
    expect((await mcp(here, tokens.access_token)).status).toBe(200)
    expect((await here.post('/revoke', form)).status).toBe(200)
    expect((await mcp(here, tokens.access_token)).status).toBe(401)
  })

  test('have their tokens ended at the provider by an instance that has not met them yet', async () => {
    const storage = memory()
    const upstream: ProxyOptions['upstream'] = (request) => oidc(tenantOf(request) === 'acme' ? acme : globex)
    const { tokens, client } = await connect(through(proxyOf(upstream, { storage }), 'acme'))
    const ended = () => acme.requests.filter((line) => line === 'POST /token/revocation').length
    const before = ended()
    const later = through(proxyOf(upstream, { storage }), 'acme')
    await later.post('/revoke', { token: tokens.refresh_token, client_id: client.id })
    await expect.poll(ended).toBeGreaterThan(before)
    expect(events.filter(({ type }) => type === 'failed')).toEqual([])
  })

  test('leave a grant alone that is for another server than this proxy has', async () => {
    const storage = memory()
    const { tokens, client } = await connect(through(proxyOf(oidc(acme), { storage }), 'acme'))
    const elsewhere = proxyOf(oidc(globex), {
      storage,
      mcp: [{ path: '/else', handler: () => new Response() }],
    })
    const refresh = refreshParams(client, tokens.refresh_token)
    const system = through(elsewhere, 'acme')
    expect(await outcome(await system.post('/token', refresh))).toEqual([400, 'invalid_grant'])
    const home = through(proxyOf(oidc(acme), { storage }), 'acme')
    expect((await home.post('/token', refresh)).status).toBe(200)
  })

  test('show their own provider on the consent page', async () => {
    const proxy = proxyOf((request) =>
      oidc(tenantOf(request) === 'acme' ? { ...acme, name: 'Acme staff' } : { ...globex, name: 'Globex' }),
    )
    const here = through(proxy, 'acme')
    const consent = asPage(await here.browser().open(authorizeUrl(here, await register(here))))
    expect(consent.text).toContain('Acme staff')
    expect(consent.text).not.toContain('Globex')
  })
})

describe('tenants that share one application', () => {
  test.each<[string, (which: 'a' | 'b') => Parameters<typeof oidc>[0]]>([
    [
      'claims',
      (which) => ({ ...acme, overrides: { requiredClaims: { name: which === 'a' ? '*' : 'eve' } } }),
    ],
    ['parameters', (organization) => ({ ...acme, params: { organization } })],
    ['the claim of groups', (groupsClaim) => ({ ...acme, groupsClaim })],
  ])('and differ in %s: no token of one is valid at another', async (_name, give) => {
    const [own, other] = [oidc(give('a')), oidc(give('b'))]
    const storage = memory()
    const upstream: ProxyOptions['upstream'] = (request) => (tenantOf(request) === 'acme' ? own : other)
    const proxy = proxyOf(upstream, { storage })
    const here = through(proxy, 'acme')
    const { tokens, client } = await connect(here)
    const refresh = refreshParams(client, tokens.refresh_token)
    // Another process has met neither of them.
    for (const system of [through(proxy, 'globex'), through(proxyOf(upstream, { storage }), 'globex')]) {
      expect(await outcome(await mcp(system, tokens.access_token))).toEqual([401, 'invalid_token'])
      expect(await outcome(await system.post('/token', refresh))).toEqual([400, 'invalid_grant'])
    }
    expect((await mcp(here, tokens.access_token)).status).toBe(200)
    expect((await here.post('/token', refresh)).status, 'the attempt ended nothing').toBe(200)
  })

  test('and differ in a function that decides are refused with an error, because it cannot be compared', async () => {
    const identify = (tenant: string) => async () => ({ issuer: 'x', subject: tenant, claims: {} })
    const proxy = proxyOf((request) =>
      oidc({ ...acme, overrides: { identify: identify(tenantOf(request) ?? '') } }),
    )
    await through(proxy, 'acme').call('/account')
    const second = await through(proxy, 'globex').call('/account')
    expect(second.status).toBe(500)
    expect(events.at(-1)).toMatchObject({
      type: 'failed',
      reason: 'hook-failed',
      error: expect.stringMatching(/share the id oidc and differ in the function `identify`/),
    })
  })
})

describe('the answer to a sign-in', () => {
  const named = (request: Request) => {
    const id = tenantOf(request) ?? ''
    return { ...oidc(id === 'acme' ? acme : globex), id }
  }

  test.each([
    ['at the tenant’s own callback only', '/callback/acme', 'acme', true],
    ['not at another tenant’s', '/callback/globex', 'acme', false],
    ['not at another tenant’s, by a browser that is there', '/callback/globex', 'globex', false],
    ['not by a browser of another tenant', '/callback/acme', 'globex', false],
    ['not at one of no tenant', '/callback', 'acme', false],
  ])('is taken %s', async (_name, pathname, tenant, taken) => {
    const proxy = proxyOf(named)
    const here = through(proxy, 'acme')
    const client = await register(here)
    const browser = here.browser()
    const consent = asPage(await browser.open(authorizeUrl(here, client)))
    const login = asPage(await browser.submit(consent, { decision: 'allow' }))
    const stopAt = `${URL_OF_ALL}/callback`
    const callback = asUrl(await signInAtProvider(browser, login, { stopAt }))
    expect(callback.pathname).toBe('/callback/acme')
    const cookie = await browser.jar.getCookieString(callback.href)
    const exchanges = () =>
      [acme, globex].flatMap(({ requests }) => requests.filter((line) => line === 'POST /token'))
    const before = exchanges().length
    const answer = await through(proxy, tenant).call(pathname + callback.search, {
      headers: { cookie },
      redirect: 'manual',
    })
    // On loopback the callback is a page with one more step.
    expect(answer.status).toBe(taken ? 200 : 403)
    expect(exchanges().length - before, 'a code is sent on only where it belongs').toBe(taken ? 1 : 0)
  })
})

describe('tenants with a host each', () => {
  test('have a proxy each on one storage, and nothing of one opens at another', async () => {
    const storage = memory()
    const hosts = ['https://acme.example.com', 'https://globex.example.com']
    const servers = await Promise.all(
      hosts.map((host) => startProvider({ redirectUris: [`${host}/callback`] })),
    )
    const systems = hosts.map((url, index): System => {
      const own = { url, storage, secret: `${index} a secret of this tenant’s own, long enough to be one` }
      const proxy = proxyOf(oidc(servers[index]!), { ...own, dangerouslyAllowWeakSecret: true })
      const ask = (request: Request) => (request.url.startsWith(url) ? proxy.fetch(request) : fetch(request))
      const call = (path: string, init?: RequestInit) => ask(new Request(url + path, init))
      const post: System['post'] = (path, params, headers) =>
        call(path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} })
      return { url, call, post, browser: () => new Browser({ fetch: ask }) } as System
    })
    const [here, there] = systems as [System, System]
    const { tokens, client } = await connect(here)
    const document = await here.call('/.well-known/oauth-protected-resource/mcp')
    expect(await document.json()).toMatchObject({
      resource: `${hosts[0]}/mcp`,
      authorization_servers: [hosts[0]],
    })
    expect((await mcp(here, tokens.access_token)).status).toBe(200)
    expect(await outcome(await mcp(there, tokens.access_token))).toEqual([401, 'invalid_token'])
    const refresh = refreshParams(client, tokens.refresh_token)
    expect((await there.post('/token', refresh)).status).toBe(401)
    const other = await register(there)
    const stolen = refreshParams(other, tokens.refresh_token)
    expect(await outcome(await there.post('/token', stolen))).toEqual([400, 'invalid_grant'])
    await there.post('/revoke', { token: tokens.refresh_token, client_id: other.id })
    expect((await here.post('/token', refresh)).status).toBe(200)
    await Promise.all(servers.map((server) => server.close()))
  })
})
