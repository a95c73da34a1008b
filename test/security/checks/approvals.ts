import assert from 'node:assert/strict'
import { asPage, asUrl, Browser } from '../../support/browser.ts'
import { signInAtProvider } from '../../support/provider.ts'
import { authorizeUrl, register, type System, signIn, type TestClient } from '../../support/system.ts'
import { raw } from '../raw.ts'
import { type Attacks, events, expectPage, stored, systemOf, type Target } from '../target.ts'

/** As a browser marks an address that its user typed. */
const TYPED = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const COOKIE = '__Host-lockgate-approvals'
const WEB = 'https://intranet.example/callback'
/** A configured client of `entries/app.js`, whose approvals are remembered. */
const INTRANET: TestClient = { id: 'intranet', secret: undefined, redirectUri: WEB }

/** The instance with `consent.remember`. Its address has https, which something in front of it removes. */
interface Remembering {
  readonly system: System
  /** A browser that says of itself what browsers say. `fetch` would replace that. */
  browser(): Browser
  /** Ada's browser, after she approved the intranet. */
  ada(): Promise<Browser>
  /** What a browser gets for a request: a page, or the way to the provider. */
  ask(browser: Browser, how?: Asking): Promise<'page' | 'provider'>
  cookieOf(browser: Browser): Promise<string>
  /** Another browser that holds a copy of the cookie. */
  withCopy(cookie: string): Promise<Browser>
}

interface Asking {
  readonly client?: TestClient
  readonly params?: Record<string, string>
  readonly headers?: Record<string, string>
}

function remembering(target: Target): Remembering {
  const { url } = target
  const outer = url.replace('http:', 'https:')
  const reach = async (request: Request): Promise<Response> => {
    if (!request.url.startsWith(outer)) return fetch(request)
    const headers = { ...Object.fromEntries(request.headers), 'x-test-instance': 'remembering' }
    const body = request.method === 'GET' ? '' : await request.text()
    const answer = await raw(url + request.url.slice(outer.length), headers, { method: request.method, body })
    const fields = Object.entries(answer.headers).flatMap(([name, value]) =>
      [value ?? ''].flat().map((one): [string, string] => [name, one]),
    )
    return new Response(answer.text === '' ? null : answer.text, { status: answer.status, headers: fields })
  }
  const browser = () => new Browser({ fetch: reach })
  const system: System = { ...systemOf(target, 'remembering'), url: outer, browser }
  const own: Remembering = {
    system,
    browser,
    async ada() {
      const { browser: hers, code } = await signIn(system, INTRANET, { params: { scope: 'mcp' } })
      assert.ok(code)
      return hers
    },
    async ask(from, { client = INTRANET, params = {}, headers = TYPED } = {}) {
      const asked = authorizeUrl(system, client, { scope: 'mcp', ...params })
      const response = await from.request(asked, { headers })
      if (response.status === 303) {
        assert.ok(response.headers.get('location')?.startsWith(target.provider.issuer), 'to the provider')
        return 'provider'
      }
      await expectPage(response, 200)
      return 'page'
    },
    cookieOf: async (of) => (await of.jar.getCookies(outer)).find(({ key }) => key === COOKIE)?.value ?? '',
    async withCopy(cookie) {
      const thief = browser()
      await thief.jar.setCookie(`${COOKIE}=${cookie}; Secure; Path=/`, outer)
      return thief
    },
  }
  return own
}

/** Remembered approvals, on the instance that remembers, and on the one that does not. */
export const approvalAttacks: Attacks = {
  async 'T6 no approval is taken from an earlier one'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const { browser } = await signIn(system, client)
    const asked = target.provider.requests.length
    for (const site of ['cross-site', 'same-origin', 'none', undefined]) {
      const headers: Record<string, string> = site === undefined ? {} : { 'sec-fetch-site': site }
      const url = authorizeUrl(system, client, { scope: 'mcp admin' })
      await expectPage(await browser.request(url, { headers }), 200)
    }
    assert.equal(target.provider.requests.length, asked)
  },

  async 'T6 a remembered approval opens nothing for another client, of the same name or with the same metadata'(
    target,
  ) {
    const { system, ada, ask } = remembering(target)
    const browser = await ada()
    const same = { client_name: 'Intranet', redirect_uris: [WEB] }
    const phishing: [string, TestClient][] = [
      ['registered with the same metadata', await register(system, same)],
      [
        'registered with the same name',
        await register(system, { ...same, redirect_uris: ['https://evil.example/'] }),
      ],
      ['configured with the same name', { ...INTRANET, id: 'intranet-too' }],
      [
        'a document with the same metadata',
        { ...INTRANET, id: target.documents.publish('/intranet.json', same) },
      ],
    ]
    for (const [name, client] of phishing) {
      const asked = target.provider.requests.length
      assert.equal(await ask(browser, { client }), 'page', name)
      assert.equal(target.provider.requests.length, asked, `${name}: the provider heard of it`)
    }
    assert.equal(await ask(browser), 'provider', 'its own client goes on')
  },

  async 'T6 a remembered approval covers no other redirect URI, scope or resource'(target) {
    const { system, ada, ask } = remembering(target)
    const browser = await ada()
    const others: Record<string, string>[] = [
      { redirect_uri: 'https://intranet.example/other' },
      { scope: 'mcp admin' },
      { scope: 'admin' },
      { scope: 'mcp offline_access admin' },
      { resource: `${system.url}/other` },
      { prompt: 'consent' },
      { prompt: 'none' },
      { max_age: '0' },
    ]
    for (const params of others) assert.equal(await ask(browser, { params }), 'page', JSON.stringify(params))
    assert.equal(await ask(browser), 'provider', 'what was approved goes on')
  },

  async 'T6 a remembered approval counts for no navigation that another site began'(target) {
    const { ada, ask } = remembering(target)
    const browser = await ada()
    const forged: Record<string, string>[] = [
      { ...TYPED, 'sec-fetch-site': 'cross-site' },
      { ...TYPED, 'sec-fetch-site': 'same-site' },
      { ...TYPED, 'sec-fetch-site': 'None' },
      { ...TYPED, 'sec-fetch-site': 'none, cross-site' },
      { ...TYPED, 'sec-fetch-dest': 'iframe' },
      { ...TYPED, 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-site': 'none' },
      {},
    ]
    for (const headers of forged)
      assert.equal(await ask(browser, { headers }), 'page', JSON.stringify(headers))
    assert.equal(await ask(browser), 'provider')
  },

  async 'T6 a remembered approval gives no code to another user, whose browser holds the cookie'(target) {
    const { system, ada, ask, cookieOf, withCopy } = remembering(target)
    const thief = await withCopy(await cookieOf(await ada()))
    assert.equal(await ask(thief), 'provider', 'until the user is known')
    const asked = authorizeUrl(system, INTRANET, { scope: 'mcp' })
    const login = asPage(await thief.open(asked, { stopAt: WEB, init: { headers: TYPED } }))
    const before = Object.keys(await stored(target)).length
    const page = asPage(await signInAtProvider(thief, login, { stopAt: WEB, login: 'mallory' }))
    assert.match(page.text, /Allow access to/)
    assert.equal(Object.keys(await stored(target)).length, before, 'a grant was made')
    const denied = asUrl(await thief.submit(page, { decision: 'deny' }, { stopAt: WEB }))
    assert.deepEqual(
      [denied.searchParams.get('error'), denied.searchParams.has('code')],
      ['access_denied', false],
    )
  },

  async 'T6 a remembered approval counts in no other browser, nor with an altered cookie'(target) {
    const { browser, ada, ask, cookieOf, withCopy } = remembering(target)
    const own = await ada()
    const cookie = await cookieOf(own)
    assert.equal(await ask(browser()), 'page', 'another browser')
    const at = cookie.length >> 1
    const altered = [
      cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1),
      cookie.slice(0, -4),
      `${cookie}A`,
      'planted',
    ]
    for (const value of altered) assert.equal(await ask(await withCopy(value)), 'page', value)
    // What was sealed for a sign-in is no approval.
    const others = (await own.jar.getCookies(remembering(target).system.url)).filter(
      ({ key }) => key !== COOKIE,
    )
    for (const { value } of others) assert.equal(await ask(await withCopy(value)), 'page')
    assert.equal(await ask(await withCopy(cookie)), 'provider', 'the copy itself was right')
  },

  async 'T6 a copy of the cookie is worth nothing after its user took the approval back'(target) {
    const { system, ada, ask, cookieOf, withCopy } = remembering(target)
    const browser = await ada()
    const copy = await cookieOf(browser)
    const headers = { origin: new URL(system.url).origin }
    const stopAt = `${system.url}/account`
    const init = { method: 'POST', body: new URLSearchParams(), headers }
    const next = asPage(await browser.open(`${system.url}/account/sign-in`, { init }))
    const signedIn = next.url.startsWith(system.url)
      ? next
      : await signInAtProvider(browser, next, { stopAt, login: 'ada' })
    const page = typeof signedIn === 'string' ? asPage(await browser.open(signedIn)) : signedIn
    const forms = page.document.querySelectorAll('form[action$="/account/ask-again"]')
    assert.ok(forms.length > 0, page.text)
    for (const form of forms) {
      const fields = form
        .querySelectorAll('input')
        .map((one): [string, string] => [one.getAttribute('name')!, one.getAttribute('value')!])
      const body = new URLSearchParams(fields)
      const sent = await browser.request(`${system.url}/account/ask-again`, { method: 'POST', body, headers })
      assert.equal(sent.status, 303)
    }
    assert.equal(await ask(browser), 'page', 'in the browser of the user')
    assert.equal(await ask(await withCopy(copy)), 'page', 'with the copy')
    const told = (await events(target)).map(({ type }) => type)
    assert.ok(!told.includes('failed'))
  },
}
