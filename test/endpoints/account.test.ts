import { afterEach, beforeEach, expect, test } from 'vitest'
import { ID_JAG, JWT_BEARER, startAssertionIssuer } from '../support/assertion-issuer.ts'
import { asPage, type Browser, type Shown } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  refreshParams,
  register,
  type StartedSystem,
  type System,
  startSystem,
} from '../support/system.ts'

let system: System

beforeEach(async () => {
  system = await startSystem({ url: 'https://mcp.test' })
})
afterEach(() => system.close())

const form = (fields: Record<string, string>, headers: Record<string, string> = { origin: system.url }) => ({
  method: 'POST',
  body: new URLSearchParams(fields),
  headers,
})

const post = (
  browser: Browser,
  path: string,
  fields: Record<string, string> = {},
  headers?: Record<string, string>,
) => browser.request(`${system.url}/account/${path}`, form(fields, headers))

const SESSION = '__Host-lockgate-session'

const sessionOf = async (browser: Browser): Promise<string | undefined> =>
  (await browser.jar.getCookies(system.url)).find(({ key }) => key === SESSION)?.value

/** Signs in to the account page, as somebody does who has found it. */
async function open(login: string, browser = system.browser()): Promise<{ browser: Browser; page: Shown }> {
  const next = asPage(await browser.open(`${system.url}/account/sign-in`, { init: form({}) }))
  const stopAt = `${system.url}/account`
  const end = await signInAtProvider(browser, next, { stopAt, login })
  return { browser, page: typeof end === 'string' ? asPage(await browser.open(end)) : end }
}

const cardsOf = ({ document }: Shown) =>
  document
    .querySelectorAll('section')
    .map((card) => card.querySelector('h2')!.text)
    .sort()

const fieldsOf = ({ document }: Shown, action: string): Record<string, string> =>
  Object.fromEntries(
    document
      .querySelector(`form[action="/account/${action}"]`)!
      .querySelectorAll('input')
      .map((input) => [input.getAttribute('name')!, input.getAttribute('value')!]),
  )

test('users see what they have connected, and nothing of anybody else', async () => {
  const [first, second] = [
    await register(system, { client_name: 'First app' }),
    await register(system, { client_name: 'Second <b>app</b>' }),
  ]
  await connect(system, { client: first, login: 'ada' })
  await connect(system, { client: second, login: 'ada' })
  await connect(system, { client: first, login: 'bob' })
  const { page } = await open('ada')
  expect(page.url).toBe(`${system.url}/account`)
  expect(cardsOf(page)).toEqual(['First app', 'Second <b>app</b>'])
  expect(page.document.querySelector('h2 b')).toBeNull()
  expect(page.document.querySelector('form strong')!.text).toBe('ada@example.com')
  expect(page.document.querySelectorAll('time')).toHaveLength(6)
  expect(cardsOf((await open('bob')).page)).toEqual(['First app'])
  expect(cardsOf((await open('carol')).page)).toEqual([])
})

test('disconnecting ends the grant here and at the provider', async () => {
  const { client, tokens } = await connect(system, { login: 'ada' })
  const { browser, page } = await open('ada')
  const revoked = () => system.provider.requests.filter((line) => line.endsWith('/token/revocation')).length
  const before = revoked()
  const response = await post(browser, 'revoke', fieldsOf(page, 'revoke'))
  expect([response.status, response.headers.get('location')]).toEqual([303, `${system.url}/account`])
  expect((await guarded(system, tokens.access_token)).status).toBe(401)
  expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(400)
  expect(cardsOf(asPage(await browser.open(`${system.url}/account`)))).toEqual([])
  await expect.poll(revoked).toBeGreaterThan(before)
  expect(system.events).toContainEqual(
    expect.objectContaining({ type: 'grant-ended', reason: 'revoked-by-user' }),
  )
})

test('nobody ends a grant of somebody else, whatever their form says', async () => {
  await connect(system, { login: 'ada' })
  const { tokens } = await connect(system, { login: 'bob' })
  const ada = await open('ada')
  const bob = await open('bob')
  const { grant, ...own } = { ...fieldsOf(bob.page, 'revoke'), ...fieldsOf(ada.page, 'sign-out') }
  const user = system.events.find(({ type }) => type === 'signed-in')!.user!
  for (const id of [grant!, `${user}.${grant}`, `../${grant}`, '', ':', '*']) {
    expect((await post(ada.browser, 'revoke', { ...own, grant: id })).status).toBe(303)
  }
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
  expect(cardsOf(asPage(await bob.browser.open(`${system.url}/account`)))).toHaveLength(1)
})

test.each([
  ['another site', { origin: 'https://evil.example' }, {}],
  ['a sibling of this site', { origin: 'null', 'sec-fetch-site': 'same-site' }, {}],
  ['another site, by the browser’s own word', { origin: 'null', 'sec-fetch-site': 'cross-site' }, {}],
  ['a page of another session', undefined, { token: 'A'.repeat(22) }],
  ['a page without its token', undefined, { token: '' }],
])('a form from %s changes nothing', async (_name, headers, fields) => {
  const { tokens } = await connect(system, { login: 'ada' })
  const { browser, page } = await open('ada')
  for (const action of ['revoke', 'sign-out']) {
    const body = { ...fieldsOf(page, action), ...fields }
    expect((await post(browser, action, body, headers)).status).toBe(403)
  }
  if (headers) expect((await post(browser, 'sign-in', {}, headers)).status).toBe(403)
  expect((await guarded(system, tokens.access_token)).status).toBe(200)
  expect(cardsOf(asPage(await browser.open(`${system.url}/account`)))).toHaveLength(1)
})

test('nobody is signed in by a link: a sign-in ends in the browser it began in', async () => {
  const [theirs, victim] = [system.browser(), system.browser()]
  const start = asPage(await theirs.open(`${system.url}/account`))
  const login = asPage(await theirs.submit(start, {}))
  const stopAt = `${system.url}/callback`
  const answer = await signInAtProvider(theirs, login, { stopAt, login: 'mallory' })
  const response = await victim.request(String(answer))
  expect(response.status).toBe(403)
  expect(response.headers.getSetCookie()).toEqual([])
  expect((await victim.request(`${system.url}/account/sign-in`)).status).toBe(405)
  expect(asPage(await victim.open(`${system.url}/account`)).text).toContain('Sign in with the provider')
})

test('a sign-in gives a session of its own, whatever the browser had before', async () => {
  const planted = (await sessionOf((await open('mallory')).browser))!
  const browser = system.browser()
  await browser.jar.setCookie(`${SESSION}=${planted}; Path=/; Secure`, system.url)
  const { page } = await open('ada', browser)
  expect(page.document.querySelector('form strong')!.text).toBe('ada@example.com')
  expect(await sessionOf(browser)).not.toBe(planted)
  const response = await post(browser, 'sign-out', fieldsOf(page, 'sign-out'))
  expect(response.headers.get('location')).toBe(`${system.url}/account`)
  expect(await sessionOf(browser)).toBeUndefined()
})

test('no cookie of one purpose serves as another, and none for long', async () => {
  const client = await register(system)
  const { browser } = await open('ada')
  const session = (await sessionOf(browser))!
  const account = (cookie: string) => system.call('/account', { headers: { cookie } })
  const signedIn = async (cookie: string) => (await (await account(cookie)).text()).includes('Sign out')
  expect(await signedIn(`${SESSION}=${session}`)).toBe(true)

  // A sign-in for an app under way, and one for the account page.
  const other = system.browser()
  const consent = asPage(await other.open(authorizeUrl(system, client)))
  await other.submit(consent, { decision: 'allow' }, { stopAt: system.provider.issuer })
  const start = asPage(await other.open(`${system.url}/account`))
  await other.submit(start, {}, { stopAt: system.provider.issuer })
  const cookies = (await other.jar.getCookies(system.url)).map(({ key, value }) => ({ key, value }))
  const values = cookies.map(({ value }) => value)
  expect(values).toHaveLength(2)
  for (const value of values) expect(await signedIn(`${SESSION}=${value}`)).toBe(false)

  // Each under the name of the other: the provider is asked nothing.
  const asked = system.provider.requests.length
  for (const { key, value } of cookies) {
    const state = key.slice(-22)
    const name = key.includes('account-')
      ? `__Host-lockgate-sign-in-${state}`
      : `__Host-lockgate-account-sign-in-${state}`
    for (const sealed of [value, session]) {
      const headers = { cookie: `${name}=${sealed}` }
      expect((await system.call(`/callback?code=x&state=${state}`, { headers })).status).toBe(403)
    }
  }
  expect(system.provider.requests.length).toBe(asked)

  system.clock.ahead = 3601
  expect(await signedIn(`${SESSION}=${session}`)).toBe(false)
})

test('signing in to the page writes nothing, and its cookie is for this host alone', async () => {
  const browser = system.browser()
  const start = asPage(await browser.open(`${system.url}/account`))
  const login = asPage(await browser.submit(start, {}))
  const callback = await signInAtProvider(browser, login, { stopAt: `${system.url}/callback`, login: 'ada' })
  const response = await browser.request(String(callback))
  expect(response.headers.getSetCookie().find((line) => line.startsWith(SESSION))).toMatch(
    /^__Host-lockgate-session=[\w-]+; Max-Age=3600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  expect(await browser.request(String(callback)).then(({ status }) => status)).toBe(403)
  expect([system.store.reads, system.store.writes]).toEqual([0, 0])
  expect(system.events).toContainEqual(expect.objectContaining({ type: 'account-opened' }))
})

test('a response of the provider that arrives three times at once is exchanged once, for this browser alone', async () => {
  const browser = system.browser()
  const start = asPage(await browser.open(`${system.url}/account`))
  const login = asPage(await browser.submit(start, {}))
  const callback = await signInAtProvider(browser, login, { stopAt: `${system.url}/callback`, login: 'ada' })
  const stranger = system.browser()
  const sent = [browser, browser, browser, stranger].map((one) => one.request(String(callback)))
  const statuses = (await Promise.all(sent)).map(({ status }) => status)
  expect(statuses).toEqual([303, 303, 303, 403])
  expect(await sessionOf(stranger)).toBeUndefined()
  expect(system.provider.requests.filter((line) => line === 'POST /token')).toHaveLength(1)
})

test('whom `allow` does not name gets no session', async () => {
  await system.close()
  system = await startSystem({ url: 'https://mcp.test', allow: ['ada@example.com'] })
  const { browser, page } = await open('bob')
  expect([page.status, page.text.includes('this account may not use this server')]).toEqual([403, true])
  expect(await sessionOf(browser)).toBeUndefined()
  const told = system.events.filter(({ endpoint }) => endpoint === '/account')
  expect(told).toMatchObject([{ type: 'turned-away' }])
  expect((await open('ada')).page.status).toBe(200)
})

test('where the provider refuses, a page says so, and the attempt is over', async () => {
  const browser = system.browser()
  const response = await browser.request(`${system.url}/account/sign-in`, form({}))
  const state = new URL(response.headers.get('location')!).searchParams.get('state')
  const query = new URLSearchParams({ error: 'access_denied', state: state!, iss: system.provider.issuer })
  const answer = await browser.request(`${system.url}/callback?${query}`)
  expect(answer.status).toBe(403)
  expect(await answer.text()).toContain('<h1>The sign-in did not work</h1>')
  expect(await browser.jar.getCookieString(system.url)).toBe('')
  const refusals = system.events.filter(({ endpoint }) => endpoint === '/account')
  expect(refusals).toMatchObject([{ type: 'refused', code: 'access_denied' }])
})

test('the page can be switched off', async () => {
  await system.close()
  system = await startSystem({ url: 'https://mcp.test', account: false })
  for (const path of ['/account', '/account/sign-in', '/account/revoke', '/account/sign-out']) {
    expect((await system.call(path, { method: path === '/account' ? 'GET' : 'POST' })).status).toBe(404)
  }
  expect(await (await system.call('/')).text()).not.toContain('/account')
})

test('access through a company is shown as that, and ends at once when it is disconnected', async () => {
  const idp = await startAssertionIssuer()
  try {
    const clientSecret = 'the secret of an enterprise client'
    system = (system as StartedSystem).another({
      revocationLag: 0,
      clients: [{ clientId: 'claude', name: 'Claude', clientSecret, redirectUris: ['https://app.test/'] }],
      trustedIssuers: [{ issuer: idp.issuer, use: ['id-jag'], sameSubjectsAs: 'oidc' }],
    })
    const now = Math.floor(Date.now() / 1000)
    const about = { iss: idp.issuer, sub: 'ada', aud: system.url, client_id: 'claude', jti: 'one' }
    const answer = await system.post('/token', {
      grant_type: JWT_BEARER,
      client_id: 'claude',
      client_secret: clientSecret,
      assertion: await idp.sign({ ...about, iat: now, exp: now + 300 }, ID_JAG),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    expect((await guarded(system, token)).status).toBe(200)
    const { browser, page } = await open('ada')
    expect(cardsOf(page)).toEqual(['Claude'])
    const text = page.document.querySelector('section')!.text
    expect(text).toContain(`your organisation (${idp.issuer}), which may connect the app again`)
    await post(browser, 'revoke', fieldsOf(page, 'revoke'))
    expect((await guarded(system, token)).status).toBe(401)
  } finally {
    await idp.close()
  }
})

test('of very many apps, the page shows some, and says how to see the others', async () => {
  const idp = await startAssertionIssuer()
  try {
    const clientSecret = 'the secret of an enterprise client'
    system = (system as StartedSystem).another({
      limits: false,
      clients: [{ clientId: 'claude', name: 'Claude', clientSecret, redirectUris: ['https://app.test/'] }],
      trustedIssuers: [{ issuer: idp.issuer, use: ['id-jag'], sameSubjectsAs: 'oidc' }],
    })
    const now = Math.floor(Date.now() / 1000)
    const about = { iss: idp.issuer, sub: 'ada', aud: system.url, client_id: 'claude' }
    for (let each = 0; each < 205; each++) {
      const claims = { ...about, jti: String(each), session: each, iat: now, exp: now + 300 }
      const answer = await system.post('/token', {
        grant_type: JWT_BEARER,
        client_id: 'claude',
        client_secret: clientSecret,
        assertion: await idp.sign(claims, ID_JAG),
      })
      expect(answer.status).toBe(200)
    }
    const { browser, page } = await open('ada')
    expect(cardsOf(page)).toHaveLength(200)
    expect(page.text).toContain('Only 200 apps are shown')
    for (let each = 0; each < 5; each++) {
      const shown = asPage(await browser.open(`${system.url}/account`))
      await post(browser, 'revoke', fieldsOf(shown, 'revoke'))
    }
    const last = asPage(await browser.open(`${system.url}/account`))
    expect(cardsOf(last)).toHaveLength(200)
    expect(last.text).not.toContain('Only 200')
  } finally {
    await idp.close()
  }
})
