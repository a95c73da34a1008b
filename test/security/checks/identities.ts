import assert from 'node:assert/strict'
import { asPage } from '../../support/browser.ts'
import { signInAtProvider } from '../../support/provider.ts'
import { authorizeUrl, connect, outcome, refreshParams, register, signIn } from '../../support/system.ts'
import { assertion } from '../key.ts'
import {
  type Attacks,
  expectPage,
  openConsent,
  opens,
  REDIRECT,
  readTokens,
  systemOf,
  type Target,
} from '../target.ts'

const clientOf = (id: string) => ({ id, secret: undefined, redirectUri: REDIRECT })

/** What is wrong with rules of `allow` where many tenants can sign in. */
async function issuesOf({ url }: Target, allow: readonly string[]): Promise<string[]> {
  const init = { method: 'POST', headers: { 'x-test-instance': 'rules' }, body: JSON.stringify(allow) }
  return (await (await fetch(url, init)).json()) as string[]
}

/** Who a user is, who may come in, and what a client may have. */
export const identityAttacks: Attacks = {
  async 'T46 nothing of one tenant is good at another, though both share an application'(target) {
    const acme = systemOf(target, 'tenants', { 'x-test-tenant': 'acme' })
    const bolt = systemOf(target, 'tenants', { 'x-test-tenant': 'bolt' })
    const { client, tokens } = await connect(acme)
    assert.ok(await opens(acme, tokens.access_token))
    assert.ok(!(await opens(bolt, tokens.access_token)))
    const refresh = refreshParams(client, tokens.refresh_token)
    assert.deepEqual(await outcome(await bolt.post('/token', refresh)), [400, 'invalid_grant'])
    await bolt.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
    await readTokens(await acme.post('/token', refresh))
  },

  async 'T47 an address that only looks like an admitted one is not admitted'(target) {
    const system = systemOf(target, 'narrow')
    const client = await register(system)
    for (const login of [
      'mi\u212Ae',
      'm\u0131ke',
      '\uFF4Dike',
      'mike\u200B',
      'mike@example.com ',
      'x"mike',
    ]) {
      const browser = system.browser()
      const consent = asPage(await browser.open(authorizeUrl(system, client)))
      const page = asPage(await browser.submit(consent, { decision: 'allow' }))
      const shown = await signInAtProvider(browser, page, { stopAt: REDIRECT, login })
      assert.notEqual(typeof shown, 'string', `${login} got in`)
      assert.equal(asPage(shown).status, 403, login)
    }
    await connect(system, { client, login: 'mike' })
  },

  async 'T47 rules by names that each tenant chooses are refused without the tenant'(target) {
    for (const rule of ['group:McpUser', 'sub:7', 'microsoft/group:McpUser'])
      assert.match((await issuesOf(target, [rule])).join(), /^allow\.0: means different users in each tenant/)
    assert.deepEqual(
      await issuesOf(target, ['tenant:11111111-1111-4111-8111-111111111111/group:McpUser']),
      [],
    )
  },

  async 'T48 a user who may not come in any more loses the grant at the next refresh'(target) {
    const { client, tokens } = await connect(systemOf(target, 'narrow'), { login: 'eve' })
    const later = systemOf(target, 'narrower')
    const refresh = refreshParams(client, tokens.refresh_token)
    assert.deepEqual(await outcome(await later.post('/token', refresh)), [400, 'invalid_grant'])
    assert.ok(!(await opens(later, tokens.access_token)))
  },

  async 'T49 a client that asks for no scope does not get more than it may have'(target) {
    const system = systemOf(target, 'nested')
    for (const scope of [undefined, 'openid', 'admin']) {
      const params = { resource: `${target.url}/mcp/admin`, scope }
      const response = await system.call(authorizeUrl(system, clientOf('reader'), params))
      const answer = new URL(response.headers.get('location') ?? 'missing:')
      assert.equal(answer.searchParams.get('error'), 'invalid_scope', String(scope))
    }
  },

  async 'T50 the session of one user is unknown to every other'(target) {
    const system = systemOf(target)
    const call = async (token: string, session?: string) => {
      const headers: Record<string, string> = { authorization: `Bearer ${token}` }
      if (session !== undefined) headers['mcp-session-id'] = session
      return system.call('/mcp/session', { method: 'POST', body: '{}', headers })
    }
    const [ada, eve] = [await connect(system), await connect(system, { login: 'eve' })]
    const opened = await call(ada.tokens.access_token)
    const session = opened.headers.get('mcp-session-id') ?? ''
    assert.ok(session !== '' && session !== 'inner-session', session)
    const again = (await (await call(ada.tokens.access_token, session)).json()) as { session: string }
    assert.equal(again.session, 'inner-session')
    for (const stolen of [session, 'inner-session', `${session}x`])
      assert.equal((await call(eve.tokens.access_token, stolen)).status, 404)
    // Another client of the same user is another owner.
    const other = await connect(system)
    assert.equal((await call(other.tokens.access_token, session)).status, 404)
  },

  async 'T60 no page says that a client belongs to the host that serves its document'(target) {
    const system = systemOf(target)
    const id = target.documents.publish(`/files/anyone/${crypto.randomUUID()}.json`)
    const { page } = await openConsent(system, clientOf(id))
    assert.doesNotMatch(page.text, /belongs to|Verified/)
    assert.ok(page.text.includes('/files/anyone/'), 'the page shows the whole path')
  },

  async 'T61 an assertion for another place than the issuer is not taken'(target) {
    const system = systemOf(target)
    const { code, verifier } = await signIn(system, clientOf('signing'))
    const redeem = {
      grant_type: 'authorization_code',
      client_id: 'signing',
      code,
      code_verifier: verifier,
      redirect_uri: REDIRECT,
    }
    const audiences = [
      `${target.url}/token`,
      `${target.url}/`,
      [target.url, 'https://evil.example'],
      'lockgate',
    ]
    for (const aud of audiences) {
      const proof = await assertion(clientOf('signing'), target.url, target.key, { aud })
      const response = await system.post('/token', { ...redeem, ...proof })
      assert.deepEqual(await outcome(response), [401, 'invalid_client'], String(aud))
    }
    const proof = await assertion(clientOf('signing'), target.url, target.key)
    await readTokens(await system.post('/token', { ...redeem, ...proof }))
  },

  async 'T58 a sign-in on loopback does not end without a step of this origin'(target) {
    const system = systemOf(target)
    const client = await register(system)
    const attacker = await openConsent(system, client)
    await attacker.browser.submit(attacker.page, { decision: 'allow' })
    const location = attacker.browser.visited.find((url) =>
      url.startsWith(`${target.provider.issuer}/auth?`),
    )!
    const state = new URL(location).searchParams.get('state')
    const cookies = await attacker.browser.jar.getCookies(target.url)
    const planted = cookies.find(({ key }) => key.endsWith(`sign-in-${state}`))!
    const victim = system.browser()
    await victim.jar.setCookie(`${planted.key}=${planted.value}; Path=/`, target.url)
    const page = asPage(await victim.open(location))
    // Only the provider's own two forms are sent.
    const asked = asPage(await victim.submit(page, { login: 'victim', password: 'any' }))
    const shown = asPage(await victim.submit(asked, {}, { stopAt: REDIRECT }))
    assert.ok(shown.url.startsWith(`${target.url}/callback`))
    const answer = shown.document.querySelector('input[name=answer]')?.getAttribute('value') ?? ''
    const body = new URLSearchParams({ answer }).toString()
    for (const origin of ['http://localhost:1', 'null', 'https://evil.example']) {
      const headers = { origin, 'content-type': 'application/x-www-form-urlencoded' }
      await expectPage(await victim.request(`${target.url}/finish`, { method: 'POST', body, headers }), 403)
    }
  },
}
