import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asPage, asUrl, type Browser, type Shown } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  REDIRECT,
  redeemParams,
  register,
  type StartedSystem,
  type System,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

let system: System
let client: TestClient

beforeAll(async () => {
  system = await startSystem({ url: 'https://mcp.test' })
  client = await register(system)
})
afterAll(() => system.close())

async function openConsent(browser: Browser): Promise<{ page: Shown; sealed: string }> {
  const page = asPage(await browser.open(authorizeUrl(system, client)))
  return { page, sealed: page.document.querySelector('input[name=request]')!.getAttribute('value')! }
}

const post = (browser: Browser, sealed: string, headers: Record<string, string> = {}) =>
  browser.request(`${system.url}/consent`, {
    method: 'POST',
    body: new URLSearchParams({ request: sealed, decision: 'allow' }),
    headers,
  })

/** Nobody was sent anywhere, and the provider heard nothing. */
async function refused(response: Response, status: number, before: number) {
  expect([response.status, response.headers.get('location')]).toEqual([status, null])
  expect(await response.text()).toMatch(
    /<h1>(This form cannot be accepted|Your browser did not send the cookie of this sign-in|This sign-in took too long)</,
  )
  expect(system.provider.requests.length).toBe(before)
}

test('approving sends the browser to the provider, with all that protects the way back', async () => {
  const browser = system.browser()
  const { sealed } = await openConsent(browser)
  const response = await post(browser, sealed)
  expect(response.status).toBe(303)
  const location = new URL(response.headers.get('location')!)
  expect(location.origin).toBe(system.provider.issuer)
  const { state, nonce, code_challenge, ...rest } = Object.fromEntries(location.searchParams)
  expect(rest).toEqual({
    response_type: 'code',
    client_id: 'proxy',
    redirect_uri: `${system.url}/callback`,
    scope: 'openid profile email offline_access',
    prompt: 'consent',
    code_challenge_method: 'S256',
  })
  for (const value of [state, nonce]) expect(value).toMatch(/^[\w-]{22}$/)
  expect(code_challenge).toMatch(/^[\w-]{43}$/)
  const cookies = response.headers.getSetCookie()
  expect(cookies.some((cookie) => cookie.startsWith(`__Host-lockgate-sign-in-${state}=`))).toBe(true)
  expect(
    cookies.some((cookie) => cookie.startsWith('__Host-lockgate-consent-') && cookie.includes('Max-Age=0')),
  ).toBe(true)
})

test('the client’s resource is not passed on to the provider', async () => {
  const browser = system.browser()
  const page = asPage(await browser.open(authorizeUrl(system, client, { resource: `${system.url}/mcp` })))
  const sealed = page.document.querySelector('input[name=request]')!.getAttribute('value')!
  const location = (await post(browser, sealed)).headers.get('location')!
  expect(location).not.toContain('resource')
})

test.each([
  [
    'without the cookie',
    async () => ({ browser: system.browser(), sealed: (await openConsent(system.browser())).sealed }),
  ],
  [
    'from another browser',
    async () => {
      const [mine, theirs] = [system.browser(), system.browser()]
      await openConsent(theirs)
      return { browser: theirs, sealed: (await openConsent(mine)).sealed }
    },
  ],
  [
    'a second time',
    async () => {
      const browser = system.browser()
      const { sealed } = await openConsent(browser)
      await post(browser, sealed)
      return { browser, sealed }
    },
  ],
])('a form %s is refused', async (_name, arrange) => {
  const { browser, sealed } = await arrange()
  const before = system.provider.requests.length
  await refused(await post(browser, sealed), 403, before)
})

test.each([
  ['another origin', { origin: 'https://evil.example' }, 403],
  ['another site, by the browser’s own word', { origin: 'null', 'sec-fetch-site': 'cross-site' }, 403],
  ['an opaque origin', { origin: 'null' }, 403],
  ['this site, whose pages send no referrer', { origin: 'null', 'sec-fetch-site': 'same-origin' }, 303],
  ['this site', { origin: 'https://mcp.test', 'sec-fetch-site': 'same-origin' }, 303],
])('a form from %s', async (_name, headers, status) => {
  const browser = system.browser()
  const { sealed } = await openConsent(browser)
  expect((await post(browser, sealed, headers)).status).toBe(status)
})

test('a form that was altered, is empty or too old is refused', async () => {
  const browser = system.browser()
  const { sealed } = await openConsent(browser)
  const before = system.provider.requests.length
  await refused(
    await post(browser, `${sealed.slice(0, -8)}${sealed.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA'}`),
    400,
    before,
  )
  await refused(await post(browser, ''), 400, before)
  system.clock.ahead += 601
  await refused(await post(browser, sealed), 400, before)
  system.clock.ahead = 0
})

test('both pages of a double load work', async () => {
  const browser = system.browser()
  const [first, second] = [await openConsent(browser), await openConsent(browser)]
  expect((await post(browser, first.sealed)).status).toBe(303)
  expect((await post(browser, second.sealed)).status).toBe(303)
})

test('cookies of abandoned sign-ins do not pile up', async () => {
  const browser = system.browser()
  for (let round = 0; round < 30; round++) await openConsent(browser)
  const { sealed } = await openConsent(browser)
  const header = await browser.jar.getCookieString(system.url)
  expect(header.split(';').length).toBeLessThanOrEqual(8)
  expect((await post(browser, sealed)).status).toBe(303)
})

test('a cookie of one purpose is worth nothing for another', async () => {
  const browser = system.browser()
  const { sealed } = await openConsent(browser)
  const response = await post(browser, sealed)
  const state = new URL(response.headers.get('location')!).searchParams.get('state')!
  const cookie = response.headers.getSetCookie().find((line) => line.includes('sign-in-'))!
  const value = /=([^;]+)/.exec(cookie)![1]!
  const asForm = await post(browser, value)
  expect(asForm.status).toBe(400)
  const other = await system.call(`/callback?code=x&state=${state}`, {
    headers: { cookie: `__Host-lockgate-sign-in-${state}=${sealed}` },
  })
  expect(other.status).toBe(403)
  const renamed = await system.call(`/callback?code=x&state=${'A'.repeat(22)}`, {
    headers: { cookie: `__Host-lockgate-sign-in-${'A'.repeat(22)}=${value}` },
  })
  expect(renamed.status).toBe(403)
})

test('a long state survives, split over several cookies', async () => {
  const browser = system.browser()
  const state = 'ü'.repeat(2000)
  const consent = asPage(await browser.open(authorizeUrl(system, client, { state })))
  const options = { stopAt: REDIRECT }
  const login = asPage(await browser.submit(consent, { decision: 'allow' }, options))
  const answer = asUrl(await signInAtProvider(browser, login, options))
  expect(answer.searchParams.get('state')).toBe(state)
})

describe('permissions that the user leaves out', () => {
  let scoped: StartedSystem
  beforeAll(async () => {
    scoped = await startSystem({
      scopes: { use: 'Use it', read: 'Read', admin: 'Administer' },
      mcp: [
        { path: '/mcp', handler: () => new Response('ok') },
        { path: '/strict', handler: () => new Response('ok'), scopes: ['use'] },
      ],
    })
  })
  afterAll(() => scoped.close())

  /** Signs in without some permissions. Returns the token response, or the error that the client gets. */
  async function signInWithout(
    scope: string,
    without: readonly string[],
    resource = `${scoped.url}/mcp`,
  ): Promise<Partial<Tokens & { error: string }>> {
    const app = await register(scoped)
    const browser = scoped.browser()
    const verifier = newVerifier()
    const params = { scope, resource, code_challenge: challengeOf(verifier) }
    const page = asPage(await browser.open(authorizeUrl(scoped, app, params)))
    const options = { stopAt: app.redirectUri, without: without.map((one) => `scope ${one}`) }
    const next = await browser.submit(page, { decision: 'allow' }, options)
    const answer = asUrl(typeof next === 'string' ? next : await signInAtProvider(browser, next, options))
    const code = answer.searchParams.get('code')
    if (code === null) return { error: answer.searchParams.get('error')! }
    const response = await scoped.post('/token', redeemParams(app, { code, verifier }))
    return (await response.json()) as Partial<Tokens>
  }

  test('are not granted', async () => {
    expect(await signInWithout('read admin', ['admin'])).toMatchObject({ scope: 'read' })
    expect(await signInWithout('read admin', [])).toMatchObject({ scope: 'read admin' })
  })

  test('may be the one to stay connected: then there is no refresh token', async () => {
    const tokens = await signInWithout('read admin offline_access', ['offline_access'])
    expect(tokens.scope).toBe('read admin')
    expect(tokens).not.toHaveProperty('refresh_token')
    expect(await signInWithout('read offline_access', [])).toHaveProperty('refresh_token')
  })

  test('are never those that the server requires', async () => {
    expect(await signInWithout('use admin', ['use', 'admin'], `${scoped.url}/strict`)).toMatchObject({
      scope: 'use',
    })
  })

  test('cannot be the only one', async () => {
    expect(await signInWithout('read', ['read'])).toMatchObject({ scope: 'read' })
    expect(await signInWithout('read offline_access', ['read', 'offline_access'])).toMatchObject({
      scope: 'read',
    })
  })

  test('cannot be all: the client is told that access was denied', async () => {
    expect(await signInWithout('read admin', ['read', 'admin'])).toEqual({ error: 'access_denied' })
    expect(scoped.events.at(-1)).toMatchObject({ type: 'denied' })
  })
})
