import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { asPage, asUrl } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  challengeOf,
  connect,
  guarded,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
  type Tokens,
} from '../support/system.ts'

const [FORMER, CURRENT] = [
  'the former secret of the tests, long enough',
  'the current secret of the tests, long too',
]

async function on(
  run: (system: StartedSystem) => Promise<void>,
  options: Parameters<typeof startSystem>[0] = {},
) {
  const system = await startSystem({ revocationLag: 0, ...options })
  await run(system).finally(() => system.close())
}

async function tokensOf(response: Response): Promise<Tokens> {
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

describe.concurrent('time and secrets', { timeout: 90_000 }, () => {
  test('the clock jumps ahead by an hour: access tokens end, refresh tokens bring new ones', () =>
    on(async (system) => {
      const { client, tokens } = await connect(system)
      system.clock.ahead = 3700
      assert.deepEqual(await outcome(await guarded(system, tokens.access_token)), [401, 'invalid_token'])
      const next = await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      assert.equal((await guarded(system, next.access_token)).status, 200)
    }))
  test('the clock jumps back by an hour: what was issued goes on working, and refreshing does, too', () =>
    on(async (system) => {
      const { client, tokens } = await connect(system)
      system.clock.ahead = -3600
      assert.equal((await guarded(system, tokens.access_token)).status, 200)
      const next = await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      assert.equal((await guarded(system, next.access_token)).status, 200)
      system.clock.ahead = 0
      await tokensOf(await system.post('/token', refreshParams(client, next.refresh_token)))
    }))
  test('the clock jumps ahead by ten years: everything has ended, cleanly; a new sign-in is needed', () =>
    on(async (system) => {
      const { client, tokens } = await connect(system)
      system.clock.ahead = 10 * 365 * 86_400
      assert.deepEqual(await outcome(await guarded(system, tokens.access_token)), [401, 'invalid_token'])
      const refresh = await system.post('/token', refreshParams(client, tokens.refresh_token))
      assert.deepEqual(await outcome(refresh), [400, 'invalid_grant'])
    }))
  test('the clock jumps ahead in the middle of a sign-in: the sign-in has taken too long: a page says so, nothing is written', () =>
    on(async (system) => {
      const client = await register(system)
      const browser = system.browser()
      const consent = asPage(await browser.open(authorizeUrl(system, client)))
      system.clock.ahead = 3600
      const late = asPage(await browser.submit(consent, { decision: 'allow' }))
      assert.equal(late.status, 400)
      assert.equal(system.store.writes, 0)
    }))
  test('the secret is rotated while people sign in and tokens are alive: sign-ins under way end well; tokens work, and move to the new secret as they are used', () =>
    on(
      async (system) => {
        const { client, tokens } = await connect(system)
        const rotated = system.another({ secret: [CURRENT, FORMER] })
        assert.equal((await guarded(rotated, tokens.access_token)).status, 200)
        const next = await tokensOf(await rotated.post('/token', refreshParams(client, tokens.refresh_token)))
        // A client’s id was sealed with the former secret, but a token that is used has moved.
        const retired = system.another({ secret: CURRENT })
        assert.equal((await guarded(retired, next.access_token)).status, 200)
        assert.equal((await guarded(retired, tokens.access_token)).status, 401)
      },
      { secret: FORMER },
    ))
  test('the secret is rotated between consent and callback: the sign-in ends well', () =>
    on(
      async (system) => {
        const client = await register(system)
        const verifier = newVerifier()
        const browser = system.browser()
        const url = authorizeUrl(system, client, { code_challenge: challengeOf(verifier) })
        const consent = asPage(await browser.open(url))
        const login = asPage(await browser.submit(consent, { decision: 'allow' }))
        const stopAt = `${system.url}/callback`
        const callback = asUrl(await signInAtProvider(browser, login, { stopAt }))
        const rotated = system.another({ secret: [CURRENT, FORMER] })
        // The same browser, now at an instance with the new secret.
        const same = rotated.browser()
        for (const cookie of await browser.jar.getCookies(callback.href))
          await same.jar.setCookie(cookie.toString(), callback.href)
        const last = asPage(await same.open(callback.href))
        const answer = asUrl(await same.submit(last, {}, { stopAt: client.redirectUri }))
        const code = answer.searchParams.get('code') ?? ''
        await tokensOf(await rotated.post('/token', redeemParams(client, { code, verifier })))
      },
      { secret: FORMER },
    ))
})
