import assert from 'node:assert/strict'
import { asPage, asUrl } from '../../support/browser.ts'
import { signInAtProvider } from '../../support/provider.ts'
import { authorizeUrl, outcome, redeemParams, refreshParams, register, signIn } from '../../support/system.ts'
import { type Attacks, exchanges, expectPage, openConsent, readTokens, systemOf } from '../target.ts'

const consentForm = (url: string, request: string) =>
  [`${url}/consent`, new URLSearchParams({ request, decision: 'allow' })] as const

const sealedOf = (page: { document: { querySelector(selector: string): unknown } }): string =>
  (page.document.querySelector('input[name=request]') as { getAttribute(name: string): string }).getAttribute(
    'value',
  )

/** What happens in browsers: consent, cookies, pages. */
export const browserAttacks: Attacks = {
  async 'T1 a second client meets the consent page although the user has a session at the provider'(target) {
    const system = systemOf(target)
    const { browser } = await signIn(system, await register(system))
    const evil = await register(system, { client_name: 'Evil', redirect_uris: ['https://evil.example/cb'] })
    const asked = target.provider.requests.length
    const { page } = await openConsent(system, evil, {}, browser)
    assert.equal(page.status, 200)
    assert.ok(page.url.startsWith(target.url))
    assert.equal(target.provider.requests.length, asked, 'the provider heard of it')
  },

  async 'T2 what is approved in one browser cannot be finished in another'(target) {
    const system = systemOf(target)
    const { browser, page } = await openConsent(system, await register(system))
    const login = asPage(await browser.submit(page, { decision: 'allow' }))
    const answer = asUrl(await signInAtProvider(browser, login, { stopAt: `${target.url}/callback` }))
    const asked = exchanges(target)
    const victim = await system.browser().request(answer.href)
    await expectPage(victim, 403)
    assert.equal(exchanges(target), asked, 'the code was exchanged')
  },

  async 'T2 a consent form does not work in another browser'(target) {
    const system = systemOf(target)
    const { page } = await openConsent(system, await register(system))
    const [url, body] = consentForm(target.url, sealedOf(page))
    const headers = { origin: new URL(url).origin }
    await expectPage(await system.browser().request(url, { method: 'POST', body, headers }), 403)
  },

  async 'T3 nothing that is known before the approval works as state'(target) {
    const system = systemOf(target)
    const { browser, page } = await openConsent(system, await register(system))
    const cookies = await browser.jar.getCookies(page.url)
    const guesses = [sealedOf(page), ...cookies.flatMap(({ key, value }) => [key.split('-').at(-1)!, value])]
    const asked = exchanges(target)
    for (const state of guesses) {
      const query = new URLSearchParams({ state, code: 'invented', iss: target.provider.issuer })
      await expectPage(await browser.request(`${target.url}/callback?${query}`), 400, 403)
    }
    assert.equal(exchanges(target), asked)
  },

  async 'T3 a state works once'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const { browser } = await signIn(system, client)
    const callback = browser.visited.find((url) => url.startsWith(`${target.url}/callback`))!
    const asked = exchanges(target)
    await expectPage(await browser.request(callback), 403)
    assert.equal(exchanges(target), asked)
  },

  async 'T4 a consent form that another site posts is refused'(target) {
    const system = systemOf(target)
    const { browser, page } = await openConsent(system, await register(system))
    const [url, body] = consentForm(target.url, sealedOf(page))
    const own = new URL(url).origin
    const wrong: [string, URLSearchParams, Record<string, string>][] = [
      ['a foreign origin', body, { origin: 'https://evil.example' }],
      ['an opaque origin', body, { origin: 'null' }],
      ['another site', body, { origin: own, 'sec-fetch-site': 'cross-site' }],
      ['a sibling', body, { origin: own, 'sec-fetch-site': 'same-site' }],
      ['no token', new URLSearchParams({ decision: 'allow' }), { origin: own }],
      ['an invented token', new URLSearchParams({ request: 'x', decision: 'allow' }), { origin: own }],
    ]
    for (const [name, form, headers] of wrong) {
      const response = await browser.request(url, { method: 'POST', body: form, headers })
      const text = await expectPage(response, 400, 403)
      assert.ok(!text.includes(target.provider.issuer), name)
    }
  },

  async 'T5 no page can be framed'(target) {
    const system = systemOf(target)
    const client = await register(system)
    for (const url of [
      authorizeUrl(system, client),
      `${target.url}/authorize`,
      `${target.url}/callback`,
      target.url,
    ]) {
      const { headers } = await system.call(url)
      assert.equal(headers.get('x-frame-options'), 'DENY', url)
      assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/, url)
    }
  },

  async 'T7 cookies carry the prefix that siblings cannot set, and all that belongs to it'(target) {
    const system = systemOf(target, 'public')
    const client = await register(system, { redirect_uris: ['https://client.example/cb'] })
    const response = await system.call(authorizeUrl(system, client))
    const cookies = response.headers.getSetCookie()
    assert.ok(cookies.length > 0)
    for (const cookie of cookies) {
      assert.match(cookie, /^__Host-[\w-]+=/)
      for (const attribute of [/; ?path=\/(;|$)/i, /; ?secure/i, /; ?httponly/i, /; ?samesite=lax/i])
        assert.match(cookie, attribute)
      assert.doesNotMatch(cookie, /domain=/i)
    }
  },

  async 'T7 a planted cookie, or one of another sign-in, is not taken'(target) {
    const system = systemOf(target)
    const first = await openConsent(system, await register(system))
    const second = await openConsent(system, await register(system))
    const [own] = await first.browser.jar.getCookies(first.page.url)
    const [other] = await second.browser.jar.getCookies(second.page.url)
    for (const value of ['planted', other!.value]) {
      const jar = system.browser()
      await jar.jar.setCookie(`${own!.key}=${value}; Path=/; Secure`, target.url)
      const [url, body] = consentForm(target.url, sealedOf(first.page))
      const headers = { origin: new URL(url).origin }
      await expectPage(await jar.request(url, { method: 'POST', body, headers }), 403)
    }
  },

  async 'T8 what was sealed for one use opens nothing else'(target) {
    const system = systemOf(target)
    const { browser, page } = await openConsent(system, await register(system))
    const sealed = sealedOf(page)
    const [cookie] = await browser.jar.getCookies(page.url)
    const state = 'a-state-of-the-attacker'
    const forger = system.browser()
    for (const value of [sealed, cookie!.value]) {
      const name = cookie!.key.replace(/consent-.*/, `sign-in-${state}`)
      await forger.jar.setCookie(`${name}=${value}; Path=/; Secure`, target.url)
      await expectPage(await forger.request(`${target.url}/callback?state=${state}&code=x`), 400, 403)
    }
    for (const token of [sealed, cookie!.value]) {
      const headers = { authorization: `Bearer ${token}` }
      assert.equal((await system.call('/mcp', { headers })).status, 401)
    }
    await expectPage(
      await system.call(authorizeUrl(system, { id: sealed, secret: undefined, redirectUri: 'x' })),
      400,
    )
  },

  async 'T8 what one issuer made counts for nothing at another one with the same secret and storage'(target) {
    const system = systemOf(target)
    const other = systemOf(target, 'remembering')
    const client = await register(system)
    const { browser, page } = await openConsent(system, client)
    const headers = {
      origin: target.url.replace(/^http:([^/]*\/\/[^/]*).*/, 'https:$1'),
      cookie: (await browser.jar.getCookieString(page.url)).replaceAll('lockgate-', '__Host-lockgate-'),
    }
    await expectPage(
      await other.post('/consent', { request: sealedOf(page), decision: 'allow' }, headers),
      400,
    )
    const signedIn = await signIn(system, client)
    const redeem = redeemParams(client, signedIn)
    assert.deepEqual(await outcome(await other.post('/token', redeem)), [400, 'invalid_grant'])
    const tokens = await readTokens(await system.post('/token', redeem))
    const refresh = refreshParams(client, tokens.refresh_token)
    assert.deepEqual(await outcome(await other.post('/token', refresh)), [400, 'invalid_grant'])
    await other.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
    await readTokens(await system.post('/token', refresh))
  },

  async 'T9 no error sends a browser to a client that nobody has approved'(target) {
    const system = systemOf(target)
    const evil = await register(system, { redirect_uris: ['https://evil.example/cb'] })
    const wrong: Record<string, string | undefined>[] = [
      { scope: 'no-such-scope' },
      { prompt: 'none' },
      { response_type: 'token' },
      { code_challenge: undefined },
      { resource: 'https://elsewhere.example/mcp' },
    ]
    for (const params of wrong)
      await expectPage(await system.call(authorizeUrl(system, evil, params)), 200, 400)
    const { browser, page } = await openConsent(system, evil)
    const login = asPage(await browser.submit(page, { decision: 'allow' }))
    const state = browser.visited.map((url) => new URL(url).searchParams.get('state')).find(Boolean)
    assert.ok(login.url.startsWith(target.provider.issuer) && state)
    const denied = `${target.url}/callback?error=access_denied&state=${state}`
    await expectPage(await system.browser().request(denied), 403)
  },
}
