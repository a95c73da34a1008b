import assert from 'node:assert/strict'
import { REFUSED_URLS } from '../../outbound/addresses.ts'
import { asPage, asUrl } from '../../support/browser.ts'
import { signInAtProvider } from '../../support/provider.ts'
import {
  authorizeUrl,
  challengeOf,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  signIn,
  type TestClient,
} from '../../support/system.ts'
import { assertion } from '../key.ts'
import {
  type Attacks,
  expectPage,
  openConsent,
  opens,
  REDIRECT,
  readTokens,
  stored,
  systemOf,
  type Target,
} from '../target.ts'

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

const clientOf = (id: string): TestClient => ({ id, secret: undefined, redirectUri: REDIRECT })
const signing = clientOf('signing')

let count = 0
/** A document path that nobody has asked for yet. */
const fresh = () => `/client-${++count}-${crypto.randomUUID()}.json`

/** Registration, metadata documents, and how clients prove themselves. */
export const clientAttacks: Attacks = {
  async 'T16 no answer holds the credentials for the provider'(target) {
    const system = systemOf(target)
    const bodies: string[] = []
    for (const method of ['none', 'client_secret_basic', 'client_secret_post']) {
      const body = { redirect_uris: ['https://client.test/cb'], token_endpoint_auth_method: method }
      const response = await system.call('/register', json(body))
      bodies.push(await response.text(), ...[...response.headers].flat())
    }
    const origin = new URL(target.url).origin
    const metadata = `${origin}/.well-known/oauth-authorization-server${new URL(target.url).pathname}`
    bodies.push(await (await fetch(metadata)).text(), await (await system.call(target.url)).text())
    for (const text of bodies) {
      assert.ok(!text.includes(target.provider.clientSecret))
      assert.ok(!text.includes('secret of the tests'))
    }
  },

  async 'T17 registrations are bounded and leave nothing in the storage'(target) {
    const system = systemOf(target)
    const before = Object.keys(await stored(target)).length
    const uris = Array.from({ length: 11 }, (_, n) => `https://client.test/${n}`)
    const tooMany = await system.call('/register', json({ redirect_uris: uris }))
    assert.equal(tooMany.status, 400)
    const long = [`https://client.test/${'a'.repeat(2048)}`]
    assert.equal((await system.call('/register', json({ redirect_uris: long }))).status, 400)
    const body = { redirect_uris: ['https://client.test/cb'], extra: 'x'.repeat(17 * 1024) }
    assert.equal((await system.call('/register', json(body))).status, 413)
    for (let again = 0; again < 20; again++) await register(system)
    for (let again = 0; again < 20; again++) {
      const proof = await assertion(signing, target.url, target.key)
      assert.equal((await system.post('/revoke', { token: 'nonsense', ...proof })).status, 200)
      const kind = { grant_type: 'authorization_code', code: 'x', code_verifier: 'x' }
      const other = await assertion(signing, target.url, target.key)
      assert.equal((await system.post('/token', { ...kind, ...other })).status, 400)
    }
    assert.equal(Object.keys(await stored(target)).length, before)
  },

  async 'T18 no document is fetched from an address that is not public'(target) {
    const system = systemOf(target, 'strict')
    const asked = target.documents.asked.length
    const port = new URL(target.documents.origin).port
    const urls = [...REFUSED_URLS, target.documents.publish(fresh()), `https://127.0.0.1:${port}/c.json`]
    for (const id of urls) await expectPage(await system.call(authorizeUrl(system, clientOf(id))), 400)
    assert.equal(target.documents.asked.length, asked, 'somebody was asked')
  },

  async 'T18 a document is not followed, not long, not slow and is JSON'(target) {
    const system = systemOf(target)
    const { documents } = target
    const inside = fresh()
    documents.publish(inside)
    const bad = [
      documents.put(fresh(), (_, response) =>
        response.writeHead(302, { location: documents.origin + inside }).end(),
      ),
      documents.publish(fresh(), { software_id: 'x'.repeat(6 * 1024) }),
      documents.publish(fresh(), {}, { 'content-type': 'text/html' }),
      documents.put(fresh(), (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => response.write(' '), 200)
        response.on('close', () => clearInterval(drip))
      }),
    ]
    const started = Date.now()
    await Promise.all(
      bad.map(async (id) => expectPage(await system.call(authorizeUrl(system, clientOf(id))), 400)),
    )
    assert.ok(Date.now() - started < 9000, 'a slow document holds up the answer')
    assert.ok(!documents.asked.includes(inside), 'a redirect was followed')
  },

  async 'T19 one bad document is fetched once for fifty who ask, and never by the token endpoint'(target) {
    const system = systemOf(target)
    const path = fresh()
    const id = target.documents.put(path, (_, response) => {
      // So slow that all fifty ask while it is under way.
      setTimeout(() => response.writeHead(404).end(), 1000)
    })
    const asking = Array.from({ length: 50 }, () => system.call(authorizeUrl(system, clientOf(id))))
    for (const response of await Promise.all(asking)) await expectPage(response, 400)
    const times = target.documents.asked.filter((asked) => asked === path).length
    assert.equal(times, 1)
    const unknown = fresh()
    target.documents.publish(unknown)
    const params = {
      grant_type: 'authorization_code',
      client_id: target.documents.origin + unknown,
      code: 'x',
    }
    const refused = await system.post('/token', { ...params, code_verifier: 'v'.repeat(43) })
    assert.ok(refused.status === 400 || refused.status === 401)
    assert.ok(!target.documents.asked.includes(unknown))
  },

  async 'T20 a document that changes after the consent changes nothing of it'(target) {
    const system = systemOf(target)
    const path = fresh()
    const client = clientOf(target.documents.publish(path))
    const verifier = newVerifier()
    const { browser, page } = await openConsent(system, client, { code_challenge: challengeOf(verifier) })
    target.documents.publish(path, { redirect_uris: ['https://evil.example/cb'], client_name: 'Another' })
    const login = asPage(await browser.submit(page, { decision: 'allow' }))
    const answer = asUrl(await signInAtProvider(browser, login, { stopAt: REDIRECT }))
    const code = answer.searchParams.get('code') ?? ''
    const tokens = await readTokens(await system.post('/token', redeemParams(client, { code, verifier })))
    assert.ok(await opens(system, tokens.access_token))
  },

  async 'T32 an assertion is good once, also at another instance, and not for long'(target) {
    const system = systemOf(target)
    const twin = systemOf(target, 'twin')
    const prove = (changes = {}) => assertion(signing, target.url, target.key, changes)
    const { code, verifier } = await signIn(system, signing)
    const proof = await prove()
    const redeem = redeemParams(signing, { code, verifier })
    const tokens = await readTokens(await system.post('/token', { ...redeem, ...proof }))
    const refresh = refreshParams(signing, tokens.refresh_token)
    const now = Math.floor(Date.now() / 1000)
    const wrong: [string, Record<string, string>][] = [
      ['replayed', proof],
      ['of two hours', await prove({ exp: now + 7200 })],
      ['of the past', await prove({ iat: now - 600, exp: now - 300 })],
      ['for somebody else', await prove({ aud: 'https://elsewhere.example' })],
      ['by somebody else', await prove({ sub: 'secretive' })],
      ['without an id', await prove({ jti: undefined })],
    ]
    for (const [name, params] of wrong) {
      const response = await twin.post('/token', { ...refresh, ...params })
      assert.deepEqual([name, ...(await outcome(response))], [name, 401, 'invalid_client'])
    }
    await readTokens(await twin.post('/token', { ...refresh, ...(await prove()) }))
  },

  async 'T33 a client cannot leave out or swap the proof it registered'(target) {
    const system = systemOf(target)
    const signed = await proven(target, signing)
    const bare = await system.post('/token', refreshParams(signing, signed.refresh_token))
    assert.deepEqual(await outcome(bare), [401, 'invalid_client'])
    const secretive = clientOf('secretive')
    const { code, verifier } = await signIn(system, secretive)
    const redeem = redeemParams(secretive, { code, verifier })
    const foreign = await assertion(secretive, target.url, target.key)
    for (const proof of [{}, { client_secret: 'wrong' }, foreign]) {
      const response = await system.post('/token', { ...redeem, ...proof })
      assert.deepEqual(await outcome(response), [401, 'invalid_client'])
    }
    await readTokens(await system.post('/token', { ...redeem, client_secret: 'the secret of a client' }))
  },
}

async function proven(target: Target, client: TestClient) {
  const system = systemOf(target)
  const redeem = redeemParams(client, await signIn(system, client))
  const proof = await assertion(client, target.url, target.key)
  return readTokens(await system.post('/token', { ...redeem, ...proof }))
}
