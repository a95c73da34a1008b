import { randomBytes } from 'node:crypto'
import { OAuthError, type ProxyOptions } from 'lockgate'
import { afterEach, describe, expect, test } from 'vitest'
import { asPage, asUrl, type Shown } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  guarded,
  outcome,
  REDIRECT,
  register,
  type System,
  startSystem,
} from '../support/system.ts'

let system: System
afterEach(() => system.close())

const refuse = (): never => {
  throw new OAuthError('access_denied', 'Not on a Sunday')
}
const fail = (): never => {
  throw new Error('the secret of the application')
}

/** Signs in, as far as it goes: a page, or the address of the client. */
async function signInWith(options: Partial<ProxyOptions>): Promise<Shown | string> {
  system = await startSystem(options)
  const client = await register(system)
  const browser = system.browser()
  const consent = asPage(await browser.open(authorizeUrl(system, client)))
  const login = asPage(await browser.submit(consent, { decision: 'allow' }))
  return signInAtProvider(browser, login, { stopAt: REDIRECT })
}

const revoked = () => system.provider.requests.includes('POST /token/revocation')

describe('allow', () => {
  test('admits a user for whom it returns true, and only then', async () => {
    expect(asUrl(await signInWith({ allow: () => true })).searchParams.get('code')).toBeTruthy()
    await system.close()
    expect(asPage(await signInWith({ allow: () => undefined })).status).toBe(403)
    await system.close()
    expect(asPage(await signInWith({ allow: (() => 'yes') as never })).status).toBe(403)
  })

  test('refuses with its own sentence by an OAuthError, and the provider’s tokens are revoked', async () => {
    const page = asPage(await signInWith({ allow: refuse }))
    expect([page.status, page.text.includes('Not on a Sunday')]).toEqual([403, true])
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'turned-away', reason: 'refused-by-application' }),
    )
    expect(JSON.stringify(system.events)).not.toContain('thrown')
    expect(system.store.writes).toBe(0)
    await expect.poll(revoked).toBe(true)
  })

  test('decides nothing when it fails: the client may try again, and the provider’s tokens are revoked', async () => {
    const shown = asUrl(await signInWith({ allow: fail }))
    expect(shown.searchParams.get('error')).toBe('server_error')
    expect(shown.href).not.toContain('secret')
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'hook-failed', detail: 'allow' }),
    )
    await expect.poll(revoked).toBe(true)
  })
})

describe('verifyApiKey', () => {
  test('refuses by an OAuthError with its code, which is not kept', async () => {
    let calls = 0
    const verifyApiKey = () => {
      calls++
      throw new OAuthError('insufficient_scope', 'This key is for another server')
    }
    system = await startSystem({ verifyApiKey })
    const key = randomBytes(32).toString('base64url')
    expect(await outcome(await guarded(system, key))).toEqual([403, 'insufficient_scope'])
    expect(await outcome(await guarded(system, key))).toEqual([403, 'insufficient_scope'])
    expect(calls).toBe(2)
    for (let n = 0; n < 60; n++) await guarded(system, randomBytes(32).toString('base64url'))
    expect(await outcome(await guarded(system, key)), 'a refusal counts as a guess').toEqual([
      503,
      'temporarily_unavailable',
    ])
  })

  test('any other exception is a failure of this server', async () => {
    system = await startSystem({ verifyApiKey: fail })
    const response = await guarded(system, randomBytes(32).toString('base64url'))
    expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
  })
})

test('registrationPolicy refuses by an OAuthError, or by a returned refusal', async () => {
  const register = (body: object = { redirect_uris: [REDIRECT] }) =>
    system.call('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  system = await startSystem({ registrationPolicy: refuse })
  expect(await (await register()).json()).toEqual({
    error: 'access_denied',
    error_description: 'Not on a Sunday',
  })
  await system.close()
  system = await startSystem({ registrationPolicy: () => ({ error: 'unapproved', status: 422 }) })
  expect(await outcome(await register())).toEqual([422, 'unapproved'])
  await system.close()
  system = await startSystem({ registrationPolicy: fail })
  expect(await outcome(await register())).toEqual([500, 'server_error'])
})

test('upstream refuses a request by an OAuthError', async () => {
  system = await startSystem({ upstream: refuse })
  const response = await system.call('/account')
  expect([response.status, (await response.text()).includes('Not on a Sunday')]).toEqual([403, true])
})

test.each<[string, ProxyOptions['clientAddress'], [number, string]]>([
  ['refuses by an OAuthError', refuse, [403, 'access_denied']],
  ['is a failure of this server when it throws', fail, [500, 'server_error']],
  [
    'is a failure of this server when it returns a promise',
    (async () => '10.0.0.1') as never,
    [500, 'server_error'],
  ],
])('clientAddress %s', async (_name, clientAddress, expected) => {
  system = await startSystem({ clientAddress })
  const response = await system.post('/token', {
    grant_type: 'refresh_token',
    refresh_token: 'x',
    client_id: 'x',
  })
  expect(await outcome(response)).toEqual(expected)
  if (expected[0] === 500) {
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'hook-failed', detail: 'clientAddress' }),
    )
  }
})
