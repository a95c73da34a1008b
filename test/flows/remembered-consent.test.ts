import type { ProxyOptions } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asPage, asUrl, Browser, type Shown } from '../support/browser.ts'
import { type DocumentServer, startDocumentServer } from '../support/document-server.ts'
import { signInAtProvider, startProvider, type TestProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  redeemParams,
  register,
  type StartedSystem,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

/** As a browser marks an address that its user typed. */
const TYPED = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const COOKIE = '__Host-lockgate-approvals'
const WEB = 'https://intranet.example/callback'
const OTHER = 'https://intranet.example/other'
const MANY = Array.from({ length: 26 }, (_, index) => `https://intranet.example/${index}`)

const CLIENTS: NonNullable<ProxyOptions['clients']> = [
  {
    clientId: 'intranet',
    name: 'Intranet',
    redirectUris: [
      WEB,
      OTHER,
      'http://127.0.0.1:5555/callback',
      'https://localhost/callback',
      'https://vscode.dev/redirect',
      'com.example.app:/callback',
      ...MANY,
    ],
  },
]
const INTRANET: TestClient = { id: 'intranet', secret: undefined, redirectUri: WEB }

let system: StartedSystem
/** On this computer, where documents may be too. */
let local: StartedSystem
let documents: DocumentServer
let partner: TestProvider

const OPTIONS: Partial<ProxyOptions> = {
  url: 'https://mcp.test',
  limits: false,
  clients: CLIENTS,
  scopes: { read: 'Read', write: 'Write' },
  redirectUris: { customSchemes: true },
  consent: { remember: '30d' },
}

beforeAll(async () => {
  documents = await startDocumentServer()
  partner = await startProvider({
    redirectUris: [
      'https://mcp.test/callback',
      'https://mcp.test/callback/oidc',
      'https://mcp.test/callback/partner',
    ],
  })
  system = await startSystem(OPTIONS)
  local = await startSystem({
    ...OPTIONS,
    url: 'https://localhost:8443',
    clientDocuments: { loopback: true },
  })
})
afterAll(() => Promise.all([system.close(), local.close(), documents.close(), partner.close()]))

type Params = Record<string, string | undefined>
interface Visit {
  readonly on?: StartedSystem
  readonly client?: TestClient
  readonly params?: Params
  readonly headers?: Record<string, string>
}

const urlOf = ({ on = system, client = INTRANET, params = {} }: Visit) =>
  authorizeUrl(on, client, { scope: 'read', ...params })

/** The same browser, with its cookies, where another instance answers. */
const reaching = (on: StartedSystem, { jar }: Browser): Browser =>
  new Browser({
    jar,
    fetch: (request) =>
      new URL(request.url).origin === new URL(on.url).origin ? on.proxy.fetch(request) : fetch(request),
  })

/** Sends an authorization request, and says what the browser got: the page, or the way to the provider. */
async function answerOf(browser: Browser, visit: Visit = {}): Promise<'page' | 'provider'> {
  const response = await reaching(visit.on ?? system, browser).request(urlOf(visit), {
    headers: visit.headers ?? TYPED,
  })
  await response.body?.cancel()
  if (response.status === 200) return 'page'
  expect(response.status).toBe(303)
  const { origin, pathname } = new URL(response.headers.get('location')!)
  expect([pathname, [(visit.on ?? system).provider.issuer, partner.issuer].includes(origin)]).toEqual([
    '/auth',
    true,
  ])
  return 'provider'
}

interface Answered {
  readonly browser: Browser
  readonly code: string
  readonly verifier: string
}

/** Approves a request on the page, and signs in. */
async function approve(
  visit: Visit & { browser?: Browser; login?: string; without?: readonly string[] } = {},
): Promise<Answered> {
  const { browser = (visit.on ?? system).browser(), login = 'ada', client = INTRANET, without = [] } = visit
  const verifier = newVerifier()
  const params: Params = { code_challenge: challengeOf(verifier), ...visit.params }
  const stopAt = params.redirect_uri ?? client.redirectUri
  const page = asPage(await browser.open(urlOf({ ...visit, params })))
  const next = await browser.submit(page, { decision: 'allow' }, { stopAt, without })
  const end = typeof next === 'string' ? next : await signInAtProvider(browser, next, { stopAt, login })
  return { browser, code: asUrl(end).searchParams.get('code')!, verifier }
}

/** Follows a request that shows no page here to its end. */
async function finish(browser: Browser, visit: Visit & { login?: string } = {}): Promise<Shown | string> {
  const stopAt = visit.params?.redirect_uri ?? visit.client?.redirectUri ?? WEB
  const next = await browser.open(urlOf(visit), { stopAt, init: { headers: TYPED } })
  const { login = 'ada' } = visit
  return typeof next === 'string' ? next : signInAtProvider(browser, next, { stopAt, login })
}

const redeem = async ({ code, verifier }: Answered): Promise<Tokens> =>
  (await system.post('/token', redeemParams(INTRANET, { code, verifier }))).json() as Promise<Tokens>

const approvalCookie = async (browser: Browser, on = system): Promise<string | undefined> =>
  (await browser.jar.getCookies(on.url)).find(({ key }) => key === COOKIE)?.value

const isPage = (shown: Shown | string): shown is Shown =>
  typeof shown !== 'string' && shown.text.includes('<h1>Allow access to')

/** Opens the account page of a browser's user. */
async function account(browser: Browser, login = 'ada'): Promise<Shown> {
  const init = { method: 'POST', body: new URLSearchParams(), headers: { origin: 'https://mcp.test' } }
  const next = await browser.open('https://mcp.test/account/sign-in', { init })
  const stopAt = 'https://mcp.test/account'
  const end =
    typeof next !== 'string' && next.url.startsWith('https://mcp.test')
      ? next
      : await signInAtProvider(browser, asPage(next), { stopAt, login })
  return typeof end === 'string' ? asPage(await browser.open(end)) : end
}

/** Sends a form of the account page. */
async function press(browser: Browser, { document }: Shown, action: string): Promise<number> {
  const form = document.querySelector(`form[action="/account/${action}"]`)!
  const fields = form
    .querySelectorAll('input')
    .map((one) => [one.getAttribute('name')!, one.getAttribute('value')!])
  const headers = { origin: 'https://mcp.test' }
  const body = new URLSearchParams(fields)
  return (await browser.request(`https://mcp.test/account/${action}`, { method: 'POST', body, headers }))
    .status
}

test('without the option every request shows the page, no cookie is set, and nothing more is stored', async () => {
  const { consent: _, ...options } = OPTIONS
  const on = system.another({ ...options, consent: undefined })
  const { browser } = await approve({ on })
  expect(await answerOf(browser, { on })).toBe('page')
  expect(await approvalCookie(browser)).toBeUndefined()
  const page = asPage(await browser.open(urlOf({ on })))
  expect(page.text).not.toContain('will not ask you again')
})

describe('an approval of a configured client', () => {
  test('counts in its browser: the next request goes to the provider, and ends with a code', async () => {
    const { browser } = await approve()
    system.events.length = 0
    expect(await answerOf(browser)).toBe('provider')
    const end = asUrl(await finish(browser))
    expect([end.searchParams.get('state'), end.searchParams.get('code')]).toEqual([
      'a state',
      expect.any(String),
    ])
    const types = system.events.map(({ type }) => type)
    expect(types).toContain('consent-remembered')
    expect(types).not.toContain('consented')
  })

  test('is announced on the page, with its end and the way to take it back', async () => {
    const page = asPage(await system.browser().open(urlOf({})))
    const note = page.document
      .querySelectorAll('p')
      .find(({ text }) => text.includes('will not ask you again'))!
    expect(note.querySelector('a')!.getAttribute('href')).toBe('https://mcp.test/account')
    const until = Date.parse(note.querySelector('time')!.getAttribute('datetime')!)
    expect(Math.abs(until - Date.now() - 30 * 86_400_000)).toBeLessThan(120_000)
  })

  test('is not announced for a client whose approvals are not remembered', async () => {
    const page = asPage(await system.browser().open(urlOf({ client: await register(system) })))
    expect(page.text).not.toContain('will not ask you again')
  })

  test('counts in no other browser', async () => {
    await approve()
    expect(await answerOf(system.browser())).toBe('page')
  })

  test('ends after its time, which no use prolongs', async () => {
    const { browser } = await approve()
    try {
      system.clock.ahead = 29 * 86_400
      expect(asUrl(await finish(browser)).searchParams.has('code')).toBe(true)
      system.clock.ahead = 30 * 86_400 + 60
      expect(await answerOf(browser)).toBe('page')
    } finally {
      system.clock.ahead = 0
    }
  })

  test('counts at another instance, and with a new secret while the old one is kept', async () => {
    const { browser } = await approve()
    const secret = [
      'another secret of the tests, long enough to be one',
      'a secret of the tests, long enough to be one',
    ]
    for (const on of [system.another(), system.another({ secret })]) {
      expect(await answerOf(browser, { on })).toBe('provider')
    }
    const on = system.another({ secret: secret[0]! })
    expect(await answerOf(browser, { on })).toBe('page')
  })

  test('ends for all when the operator names another version', async () => {
    const { browser } = await approve()
    const on = system.another({ consent: { remember: '30d', version: '2' } })
    expect(await answerOf(browser, { on })).toBe('page')
  })
})

describe('no approval is remembered', () => {
  test.each([
    ['http on loopback', 'http://127.0.0.1:5555/callback'],
    ['https on loopback', 'https://localhost/callback'],
    ['a page that hands over to an editor', 'https://vscode.dev/redirect'],
    ['a private-use scheme', 'com.example.app:/callback'],
  ])('for a redirect URI with %s', async (_name, redirect) => {
    const visit = { params: { redirect_uri: redirect } }
    const { browser } = await approve(visit)
    expect(await approvalCookie(browser)).toBeUndefined()
    expect(await answerOf(browser, visit)).toBe('page')
  })

  test('for a client that registered itself, under any name', async () => {
    const client = await register(system, { client_name: 'Intranet', redirect_uris: [WEB] })
    const { browser } = await approve({ client })
    expect(await approvalCookie(browser)).toBeUndefined()
    expect(await answerOf(browser, { client })).toBe('page')
    // Nor does the approval of a configured client count for one that calls itself the same.
    await approve({ browser })
    expect(await answerOf(browser, { client })).toBe('page')
    expect(await answerOf(browser, {})).toBe('provider')
  })

  test('for a document with a redirect URI on loopback, even if the request names another one', async () => {
    const id = documents.publish('/mixed.json')
    const client = { id, secret: undefined, redirectUri: 'https://app.example/callback' }
    const { browser } = await approve({ client, on: local })
    expect(await approvalCookie(browser, local)).toBeUndefined()
    expect(await answerOf(browser, { client, on: local })).toBe('page')
  })

  test('on a loopback host, where other ports can plant cookies', async () => {
    const on = await startSystem({ ...OPTIONS, url: 'http://localhost:8787' })
    try {
      const { browser } = await approve({ on })
      expect((await browser.jar.getCookies(on.url)).map(({ key }) => key).join()).not.toContain('approvals')
      expect(await answerOf(browser, { on })).toBe('page')
    } finally {
      await on.close()
    }
  })

  test('where it was denied, and a denial ends what was remembered', async () => {
    const browser = system.browser()
    const deny = async (params: Params) => {
      const page = asPage(await browser.open(urlOf({ params })))
      await browser.submit(page, { decision: 'deny' }, { stopAt: WEB })
    }
    await deny({})
    expect(await answerOf(browser)).toBe('page')
    await approve({ browser })
    expect(await answerOf(browser)).toBe('provider')
    await deny({ prompt: 'consent' })
    expect(await answerOf(browser)).toBe('page')
  })
})

describe('the page is shown again', () => {
  test.each<[string, Params]>([
    ['for a scope that was not approved', { scope: 'read write' }],
    ['for another scope', { scope: 'write' }],
    ['for another redirect URI of the same client', { redirect_uri: OTHER }],
    ['with prompt=consent', { prompt: 'consent' }],
    ['with prompt=login', { prompt: 'login' }],
    ['with prompt=none', { prompt: 'none' }],
    ['with max_age', { max_age: '0' }],
  ])('%s', async (_name, params) => {
    const { browser } = await approve()
    expect(await answerOf(browser, { params })).toBe('page')
    expect(await answerOf(browser)).toBe('provider')
  })

  test('for another resource', async () => {
    const mcp = ['/one', '/two'].map((path) => ({ path, handler: () => Response.json({}) }))
    const on = await startSystem({ ...OPTIONS, mcp })
    try {
      const of = (path: string): Visit => ({ on, params: { resource: on.url + path } })
      const { browser } = await approve(of('/one'))
      expect([await answerOf(browser, of('/one')), await answerOf(browser, of('/two'))]).toEqual([
        'provider',
        'page',
      ])
    } finally {
      await on.close()
    }
  })

  test('for a scope that the user left out, which is then in no token', async () => {
    const params = { scope: 'read write' }
    const answered = await approve({ params, without: ['scope write'] })
    expect((await redeem(answered)).scope).toBe('read')
    expect(await answerOf(answered.browser, { params })).toBe('page')
    expect(await answerOf(answered.browser)).toBe('provider')
  })

  test('not for fewer scopes than approved', async () => {
    const { browser } = await approve({ params: { scope: 'read write' } })
    expect(await answerOf(browser)).toBe('provider')
    expect(asUrl(await finish(browser)).searchParams.has('code')).toBe(true)
  })

  test.each<[string, Partial<ProxyOptions>]>([
    ['the client’s name', { clients: [{ ...CLIENTS[0]!, name: 'Extranet' }] }],
    ['the client’s redirect URIs', { clients: [{ ...CLIENTS[0]!, redirectUris: [WEB] }] }],
    [
      'the provider’s scopes for an approved scope',
      { scopes: { read: { description: 'Read', upstream: ['api'] }, write: 'Write' } },
    ],
  ])('when the operator changes %s', async (_name, changes) => {
    const { browser } = await approve()
    expect(await answerOf(browser, { on: system.another(changes) })).toBe('page')
    expect(await answerOf(browser)).toBe('provider')
  })

  test('when the operator changes the scopes that every sign-in requests', async () => {
    const { browser } = await approve()
    const { issuer, clientId, clientSecret } = system.provider
    const upstream = oidc({ issuer, clientId, clientSecret, scopes: ['openid', 'email', 'api'] })
    expect(await answerOf(browser, { on: system.another({ upstream }) })).toBe('page')
  })

  test('when the provider of the approval is gone, and the approval stays with its provider among several', async () => {
    const { browser } = await approve()
    const here = oidc({ ...system.provider, id: 'oidc', name: 'the provider' })
    const there = oidc({ ...partner, id: 'partner', name: 'Partner' })
    expect(await answerOf(browser, { on: system.another({ upstream: [there] }) })).toBe('page')
    const on = system.another({ upstream: [there, here] })
    const response = await reaching(on, browser).request(urlOf({ on }), { headers: TYPED })
    expect(new URL(response.headers.get('location')!).origin).toBe(system.provider.issuer)
  })

  test('at another tenant, even if its people are the same', async () => {
    const { issuer, clientId, clientSecret } = partner
    const on = system.another({
      upstream: (request) =>
        request.headers.get('x-tenant') === 'globex'
          ? oidc({ issuer, clientId: 'globex', clientSecret })
          : oidc({ issuer, clientId, clientSecret }),
    })
    const { browser } = await approve({ on })
    expect(await answerOf(browser, { on })).toBe('provider')
    expect(await answerOf(browser, { on, headers: { ...TYPED, 'x-tenant': 'globex' } })).toBe('page')
  })

  test.each<[string, Record<string, unknown>, 'page' | 'provider']>([
    ['nothing', {}, 'provider'],
    ['its name', { client_name: 'Another name' }, 'page'],
    [
      'its redirect URIs',
      { redirect_uris: ['https://app.example/callback', 'https://app.example/b'] },
      'page',
    ],
    [
      'its keys',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example/keys' },
      'page',
    ],
  ])('when a document changes %s', async (name, changes, expected) => {
    const path = `/changes-${name.replaceAll(' ', '-')}.json`
    const redirect_uris = ['https://app.example/callback']
    // Not kept for longer than it takes to change it.
    const headers = { 'cache-control': 'no-store' }
    const id = documents.publish(path, { redirect_uris }, headers)
    const client = { id, secret: undefined, redirectUri: redirect_uris[0]! }
    const { browser } = await approve({ client, on: local })
    expect(await approvalCookie(browser, local)).toBeDefined()
    documents.publish(path, { redirect_uris, ...changes }, headers)
    // Another instance has not fetched the document yet.
    expect(await answerOf(browser, { client, on: local.another() })).toBe(expected)
  })
})

describe('only a navigation of the user counts', () => {
  const without = (name: string) => Object.fromEntries(Object.entries(TYPED).filter(([key]) => key !== name))
  test.each<[string, Record<string, string>, 'page' | 'provider']>([
    ['an address that was typed', TYPED, 'provider'],
    ['a link of this origin', { ...TYPED, 'sec-fetch-site': 'same-origin' }, 'provider'],
    ['another site', { ...TYPED, 'sec-fetch-site': 'cross-site' }, 'page'],
    ['a sibling of this site', { ...TYPED, 'sec-fetch-site': 'same-site' }, 'page'],
    ['a frame', { ...TYPED, 'sec-fetch-dest': 'iframe' }, 'page'],
    ['an image', { ...TYPED, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, 'page'],
    ['a script', { ...TYPED, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, 'page'],
    ['a browser that tells no site', without('sec-fetch-site'), 'page'],
    ['a browser that tells no mode', without('sec-fetch-mode'), 'page'],
    ['a browser that tells no destination', without('sec-fetch-dest'), 'page'],
    ['a browser that tells nothing', {}, 'page'],
  ])('%s', async (_name, headers, expected) => {
    const { browser } = await shared()
    expect(await answerOf(browser, { headers })).toBe(expected)
  })

  test('a form that is posted shows the page', async () => {
    const { browser } = await shared()
    const url = new URL(urlOf({}))
    const response = await browser.request(`${system.url}/authorize`, {
      method: 'POST',
      body: url.searchParams,
      headers: { ...TYPED, 'sec-fetch-site': 'same-origin' },
    })
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining('Allow access to'),
    ])
  })

  let once: Promise<Answered> | undefined
  const shared = () => (once ??= approve())
})

describe('the cookie', () => {
  test('is for this host alone, sealed, and outlives no approval', async () => {
    const { browser } = await approve()
    const cookie = (await browser.jar.getCookies('https://mcp.test')).find(({ key }) => key === COOKIE)!
    expect([
      cookie.secure,
      cookie.httpOnly,
      cookie.sameSite,
      cookie.path,
      cookie.domain,
      cookie.maxAge,
    ]).toEqual([true, true, 'lax', '/', 'mcp.test', 30 * 86_400])
    expect(cookie.hostOnly).toBe(true)
    expect(cookie.value).not.toMatch(/intranet|ada/)
  })

  test('counts only as it was set: any flipped character shows the page', async () => {
    const { browser } = await approve()
    const value = (await approvalCookie(browser))!
    for (const at of [0, 5, Math.floor(value.length / 2), value.length - 1]) {
      const flipped = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1)
      await browser.jar.setCookie(`${COOKIE}=${flipped}; Secure; Path=/`, 'https://mcp.test')
      expect(await answerOf(browser), `character ${at}`).toBe('page')
    }
    await browser.jar.setCookie(`${COOKIE}=${value}; Secure; Path=/`, 'https://mcp.test')
    expect(await answerOf(browser)).toBe('provider')
  })

  test('is no session and no sign-in, and neither of those is one', async () => {
    const { browser } = await approve()
    const value = (await approvalCookie(browser))!
    const other = system.browser()
    for (const name of ['session', 'sign-in-x', 'account-sign-in-x', 'consent-x']) {
      await other.jar.setCookie(`__Host-lockgate-${name}=${value}; Secure; Path=/`, 'https://mcp.test')
    }
    expect(asPage(await other.open('https://mcp.test/account')).text).not.toContain('Signed in as')
    const signedIn = system.browser()
    await account(signedIn)
    const session = (await signedIn.jar.getCookies('https://mcp.test')).find(({ key }) =>
      key.endsWith('-session'),
    )!
    await signedIn.jar.setCookie(`${COOKIE}=${session.value}; Secure; Path=/`, 'https://mcp.test')
    expect(await answerOf(signedIn)).toBe('page')
  })

  test('is set with the code only, and the page begins no sign-in', async () => {
    const { browser } = await approve()
    const response = await browser.request(urlOf({ params: { prompt: 'consent' } }), { headers: TYPED })
    const names = response.headers.getSetCookie().map((line) => line.split('=')[0])
    expect(names).toEqual([expect.stringMatching(/^__Host-lockgate-consent-/)])
    const silent = await browser.request(urlOf({}), { headers: TYPED })
    const state = new URL(silent.headers.get('location')!).searchParams.get('state')
    expect(
      silent.headers.getSetCookie().some((line) => line.startsWith(`__Host-lockgate-sign-in-${state}=`)),
    ).toBe(true)
  })

  test('names 25 approvals, the newest, and leaves room for a sign-in below 4 KB', {
    timeout: 60_000,
  }, async () => {
    const browser = system.browser()
    for (const redirect_uri of MANY) await approve({ browser, login: 'max', params: { redirect_uri } })
    const at = (redirect_uri: string) => answerOf(browser, { params: { redirect_uri } })
    expect(await at(MANY[0]!)).toBe('page')
    for (const one of MANY.slice(1)) expect(await at(one)).toBe('provider')
    const sent = await browser.jar.getCookieString('https://mcp.test')
    expect(sent).toContain(COOKIE)
    expect(sent.length).toBeLessThan(4096)
    await account(browser, 'max')
    expect((await browser.jar.getCookieString('https://mcp.test')).length).toBeLessThan(4096)
    const { user } = system.events.findLast(({ type }) => type === 'signed-in')!
    const kept: string[] = []
    for await (const key of system.store.keys(`approval:${user}:`)) kept.push(key)
    expect(kept, 'the record of the oldest is gone too').toHaveLength(25)
  })
})

describe('the approval of one user', () => {
  test('never counts for another: who signs in as somebody else meets the page, and gets no code before', async () => {
    const { browser } = await approve({ login: 'ada' })
    // Bob has the browser now, and with it the session at the provider.
    const bobs = system.browser()
    const cookie = (await approvalCookie(browser))!
    await bobs.jar.setCookie(`${COOKIE}=${cookie}; Secure; Path=/`, 'https://mcp.test')
    expect(await answerOf(bobs)).toBe('provider')
    const grants = await countGrants()
    const page = await finish(bobs, { login: 'bob' })
    expect(isPage(page)).toBe(true)
    expect(await countGrants()).toBe(grants)
    // Denying ends it, and so nothing was given to the client.
    const denied = asUrl(await bobs.submit(asPage(page), { decision: 'deny' }, { stopAt: WEB }))
    expect([denied.searchParams.get('error'), denied.searchParams.get('code')]).toEqual([
      'access_denied',
      null,
    ])
  })

  test('makes way for that of the next user, who approves on that page', async () => {
    const { browser } = await approve({ login: 'ada' })
    const bobs = system.browser()
    await bobs.jar.setCookie(`${COOKIE}=${await approvalCookie(browser)}; Secure; Path=/`, 'https://mcp.test')
    const page = asPage(await finish(bobs, { login: 'bob' }))
    const again = await bobs.submit(page, { decision: 'allow' }, { stopAt: WEB })
    const end = asUrl(
      typeof again === 'string' ? again : await signInAtProvider(bobs, again, { stopAt: WEB, login: 'bob' }),
    )
    expect(end.searchParams.get('code')).toMatch(/./)
    expect(await answerOf(bobs)).toBe('provider')
    expect(asUrl(await finish(bobs, { login: 'bob' })).searchParams.has('code')).toBe(true)
    expect(await answerOf(browser), 'Ada keeps hers in her browser').toBe('provider')
  })

  test('does not pass over to another account by the button of the page that turned a user away', async () => {
    const on = await startSystem(OPTIONS)
    try {
      const { browser } = await approve({ on, login: 'ada' })
      const strict = on.another({ allow: ['bob@example.com'] })
      // Ada, who may not come in any more, is sent away with that button.
      const stopAt = WEB
      const strictly = strict.browser()
      for (const { key, value } of await browser.jar.getCookies(on.url))
        await strictly.jar.setCookie(`${key}=${value}; Secure; Path=/`, on.url)
      const next = asPage(await strictly.open(urlOf({ on: strict }), { init: { headers: TYPED } }))
      const turned = asPage(await signInAtProvider(strictly, next, { stopAt, login: 'ada' }))
      expect(turned.text).toContain('Use another account')
      // The provider's page for that needs a script.
      for (const { key, domain, path } of await strictly.jar.getCookies(on.provider.issuer)) {
        if (key.startsWith('_session')) await strictly.jar.store.removeCookie(domain!, path!, key)
      }
      const login = asPage(await strictly.submit(turned, { decision: 'allow' }, { stopAt }))
      const page = await signInAtProvider(strictly, login, { stopAt, login: 'bob' })
      expect(isPage(page)).toBe(true)
    } finally {
      await on.close()
    }
  })

  const countGrants = async () => {
    let count = 0
    for await (const _ of system.proxy.grants.all({ limit: 10_000 })) count++
    return count
  }
})

describe('an approval ends', () => {
  test('in every browser when its user disconnects the app, and a copy of the cookie brings nothing back', async () => {
    const on = system
    const [one, two] = [await approve({ login: 'eve' }), await approve({ login: 'eve' })]
    await redeem(one)
    const copy = (await approvalCookie(one.browser))!
    const page = await account(one.browser, 'eve')
    expect(page.text).toContain('connect without asking you again')
    expect(await press(one.browser, page, 'revoke')).toBe(303)
    for (const { browser } of [one, two]) expect(await answerOf(browser, { on })).toBe('page')
    const thief = system.browser()
    await thief.jar.setCookie(`${COOKIE}=${copy}; Secure; Path=/`, 'https://mcp.test')
    expect(await answerOf(thief)).toBe('page')
  })

  test('between the request and the way back, if it is taken back then', async () => {
    const { browser } = await approve({ login: 'fay' })
    const login = asPage(await browser.open(urlOf({}), { init: { headers: TYPED } }))
    const other = system.browser()
    expect(await press(other, await account(other, 'fay'), 'ask-again')).toBe(303)
    expect(isPage(await signInAtProvider(browser, login, { stopAt: WEB, login: 'fay' }))).toBe(true)
  })

  test('between the request and the way back, if the operator switches the option off then', async () => {
    const { browser } = await approve()
    const login = asPage(await browser.open(urlOf({}), { init: { headers: TYPED } }))
    const off = reaching(system.another({ consent: undefined }), browser)
    const page = asPage(await signInAtProvider(off, login, { stopAt: WEB }))
    expect(isPage(page)).toBe(true)
    expect(page.text).not.toContain('will not ask you again')
  })

  test('when its user asks to be asked, even without a connection, and only theirs', async () => {
    const [gia, hal] = [await approve({ login: 'gia' }), await approve({ login: 'hal' })]
    const page = await account(gia.browser, 'gia')
    expect(page.text).toContain('<strong>Intranet</strong>')
    expect(await press(gia.browser, page, 'ask-again')).toBe(303)
    expect([await answerOf(gia.browser), await answerOf(hal.browser)]).toEqual(['page', 'provider'])
  })

  test('not by a form of another site, or of another session', async () => {
    const { browser } = await approve({ login: 'ida' })
    const page = await account(browser, 'ida')
    const token = page.document
      .querySelector('form[action="/account/ask-again"] input')!
      .getAttribute('value')!
    const send = async (fields: Record<string, string>, headers: Record<string, string>) =>
      (
        await browser.request('https://mcp.test/account/ask-again', {
          method: 'POST',
          body: new URLSearchParams(fields),
          headers,
        })
      ).status
    expect(await send({ token }, { origin: 'https://evil.example' })).toBe(403)
    expect(await send({ token }, { origin: 'null', 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await send({ token: 'x' }, { origin: 'https://mcp.test' })).toBe(403)
    expect(await answerOf(browser)).toBe('provider')
  })

  test('when the operator ends the grant', async () => {
    const answered = await approve({ login: 'joy' })
    await redeem(answered)
    const { user, grant } = system.events.findLast(({ type }) => type === 'issued')!
    expect(await system.proxy.grants.revoke({ user: user!, id: grant!.split('.')[1]! })).toBe(true)
    expect(await answerOf(answered.browser)).toBe('page')
  })

  test('in this browser when its user signs out of the account page', async () => {
    const { browser } = await approve({ login: 'kim' })
    const page = await account(browser, 'kim')
    expect(await press(browser, page, 'sign-out')).toBe(303)
    expect(await approvalCookie(browser)).toBeUndefined()
    expect(await answerOf(browser)).toBe('page')
  })
})

test('the page is shown if the storage does not answer', async () => {
  const { browser } = await approve()
  const get = async () => {
    throw new Error('the storage is away')
  }
  expect(await answerOf(browser, { on: system.another({ storage: { ...system.store, get } }) })).toBe('page')
})
