import type { OAuthProxy, ProxyOptions } from 'lockgate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { asPage } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  signIn,
  startSystem,
} from '../support/system.ts'

/*
 * Two deployments share a storage and a secret. Each has its own `url` and its own `allow`: the first one lets all users of
 * the provider in, the other one lets none of them in. What the first one made counts for nothing at the other one, and
 * the other one ends nothing of it.
 */

const OTHER = 'http://localhost:8788'
const EXTERNAL = 'https://tools.example/mcp'
const mcp: ProxyOptions['mcp'] = [
  { path: '/mcp', handler: (_request, auth) => Response.json({ user: auth.user.id }) },
  { external: true, resource: EXTERNAL },
]

let one: StartedSystem
let other: OAuthProxy

beforeAll(async () => {
  one = await startSystem({ mcp, revocationLag: 0 })
  other = one.another({ url: OTHER, allow: ['no-user@example.com'] }).proxy
})
afterAll(() => one.close())
beforeEach(() => {
  one.events.length = 0
})

const sealer = createSealer(createKeyring(['a secret of the tests, long enough to be one']), OTHER)
const reason = () => one.events.findLast(({ type }) => type === 'refused')?.reason
const ended = () => one.events.filter(({ type }) => type === 'grant-ended')

/** A request to the other deployment, with the cookies that a browser has of the first one. */
async function send(path: string, init: RequestInit = {}, cookies = ''): Promise<Response> {
  const headers = new Headers(init.headers)
  if (cookies) headers.set('cookie', cookies)
  return other.fetch(new Request(OTHER + path, { ...init, headers }))
}
const post = (path: string, params: Record<string, string>, cookies?: string) =>
  send(path, { method: 'POST', body: new URLSearchParams(params), headers: { origin: OTHER } }, cookies)

const cookiesOf = ({ jar }: ReturnType<StartedSystem['browser']>) => jar.getCookieString(one.url)

const fieldsOf = (page: { text: string }): Record<string, string> =>
  Object.fromEntries(
    [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name!,
      value!,
    ]),
  )

async function allOf<T>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of list) all.push(each)
  return all
}

/** The address of the provider to which an approval sends the browser. */
async function sentTo(
  browser: ReturnType<StartedSystem['browser']>,
  path: string,
  fields: Record<string, string>,
) {
  const init = { method: 'POST', body: new URLSearchParams(fields), headers: { origin: one.url } }
  return new URL((await browser.request(one.url + path, init)).headers.get('location')!)
}

describe('of a sign-in at one deployment, the other one refuses', () => {
  test('the consent form', async () => {
    const browser = one.browser()
    const page = asPage(await browser.open(authorizeUrl(one, await register(one))))
    const fields = { ...fieldsOf(page), decision: 'allow' }
    const refused = await post('/consent', fields, await cookiesOf(browser))
    expect([refused.status, reason()]).toEqual([400, 'consent-form-invalid'])
  })

  test('the response of the provider', async () => {
    const browser = one.browser()
    const page = asPage(await browser.open(authorizeUrl(one, await register(one))))
    const at = await sentTo(browser, '/consent', { ...fieldsOf(page), decision: 'allow' })
    const callback = `/callback?code=x&state=${at.searchParams.get('state')}`
    const refused = await send(callback, {}, await cookiesOf(browser))
    expect([refused.status, reason()]).toEqual([403, 'sign-in-cookie-invalid'])
  })

  test('the response of the provider to a sign-in to the account page', async () => {
    const browser = one.browser()
    await browser.open(`${one.url}/account`)
    const at = await sentTo(browser, '/account/sign-in', {})
    const callback = `/callback?code=x&state=${at.searchParams.get('state')}`
    const refused = await send(callback, {}, await cookiesOf(browser))
    expect([refused.status, reason()]).toEqual([403, 'sign-in-cookie-invalid'])
  })

  test('the last step on a loopback host', async () => {
    const browser = one.browser()
    const client = await register(one)
    const page = asPage(await browser.open(authorizeUrl(one, client)))
    const at = await sentTo(browser, '/consent', { ...fieldsOf(page), decision: 'allow' })
    const form = asPage(await browser.open(at.href))
    const back = await signInAtProvider(browser, form, { stopAt: `${one.url}/callback` })
    const last = await (await browser.request(String(back))).text()
    const fields = fieldsOf({ text: last })
    const { answer } = fields
    const refused = await post('/finish', { answer: answer! }, await cookiesOf(browser))
    expect(refused.status).toBe(400)
    expect(refused.headers.get('location')).toBeNull()
  })

  test('the session of the account page', async () => {
    const browser = one.browser()
    await browser.open(`${one.url}/account`)
    const at = await sentTo(browser, '/account/sign-in', {})
    const page = asPage(
      await signInAtProvider(browser, asPage(await browser.open(at.href)), {
        stopAt: `${one.url}/unused`,
      }),
    )
    expect(page.text).toContain('/account/sign-out')
    const shown = await (await send('/account', {}, await cookiesOf(browser))).text()
    expect(shown).not.toContain('/account/sign-out')
  })

  test.each([
    ['of a server of one alone', undefined],
    ['of a server of both', EXTERNAL],
  ])('the code, %s', async (_name, resource) => {
    const client = await register(one)
    const signedIn = await signIn(one, client, { params: { resource } })
    expect(await outcome(await post('/token', redeemParams(client, signedIn)))).toEqual([
      400,
      'invalid_grant',
    ])
    expect(reason()).toBe('grant-of-another-deployment')
    expect((await one.post('/token', redeemParams(client, signedIn))).status).toBe(200)
  })
})

describe('a grant of one deployment, at the other one:', () => {
  const kinds = [
    ['a grant for a server of one alone', {}, false],
    ['a grant for a server of both', { resource: EXTERNAL }, false],
    ['a record of an older build', {}, true],
  ] as const

  test.each(kinds)('%s: no token of it counts, and it stays as it is', async (_name, params, isOlder) => {
    const { client, tokens } = await connect(one, { params })
    const [user, id] = tokens.refresh_token.split('.') as [string, string]
    const name = `grant:${user}:${id}`
    if (isOlder) {
      const { issuer, ...older } = (await one.store.get(name))!.value as Record<string, unknown>
      expect(issuer).toBe(one.url)
      await one.store.set(name, older, 600)
    }
    const before = await one.store.get(name)
    const { access_token: access, refresh_token: token } = tokens
    expect(await outcome(await post('/token', refreshParams(client, token)))).toEqual([400, 'invalid_grant'])
    expect(reason()).toBe('grant-of-another-deployment')
    for (const shown of [access, token])
      expect((await post('/revoke', { client_id: client.id, token: shown })).status).toBe(200)
    const headers = { authorization: `Bearer ${access}` }
    expect((await send('/mcp', { method: 'POST', body: '{}', headers })).status).toBe(401)
    expect(await allOf(other.grants.judge({ end: true }))).toEqual([])
    expect(await one.store.get(name)).toEqual(before)
    expect(ended()).toEqual([])
    const refreshed = await one.post('/token', refreshParams(client, token))
    expect(refreshed.status).toBe(200)
    const next = (await refreshed.json()) as typeof tokens
    if (!('resource' in params)) expect((await guarded(one, next.access_token)).status).toBe(200)
  })

  test('`judge` of its own deployment still finds it', async () => {
    const { tokens } = await connect(one)
    const [user, id] = tokens.refresh_token.split('.')
    const strict = one.another({ allow: ['no-user@example.com'] }).proxy
    const judged = await allOf(strict.grants.judge())
    expect(judged.map((grant) => `${grant.user}.${grant.id}`)).toContain(`${user}.${id}`)
  })

  test('the account page neither shows it nor ends it', async () => {
    const { tokens } = await connect(one)
    const [user, id] = tokens.refresh_token.split('.') as [string, string]
    // The test provider knows one callback only, so the session of the other deployment is sealed here.
    const session = { user, name: 'A user', token: 'x'.repeat(22), until: Date.now() }
    const cookie = `lockgate-session=${sealer.seal('session', 'session', session)}`
    const shown = await (await send('/account', {}, cookie)).text()
    expect(shown).toContain('/account/sign-out')
    expect(shown).not.toContain('/account/revoke')
    const form = { ...fieldsOf({ text: shown }), grant: id }
    expect((await post('/account/revoke', form, cookie)).headers.get('location')).toBe(`${OTHER}/account`)
    expect((await guarded(one, tokens.access_token)).status).toBe(200)
  })
})
