import { afterEach, describe, expect, test } from 'vitest'
import { asPage, asUrl, type Browser, type Shown } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  REDIRECT,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type TestClient,
} from '../support/system.ts'

let system: System
afterEach(() => system.close())

/** Goes as far as the provider would: the address it would send the browser back to. */
async function approved(client: TestClient): Promise<{ browser: Browser; login: Shown; state: string }> {
  const browser = system.browser()
  const consent = asPage(await browser.open(authorizeUrl(system, client)))
  const login = asPage(await browser.submit(consent, { decision: 'allow' }))
  const sent = browser.visited.find((url) => url.startsWith(`${system.provider.issuer}/auth?`))!
  return { browser, login, state: new URL(sent).searchParams.get('state')! }
}

const tokenRequests = () => system.provider.requests.filter((line) => line === 'POST /token').length

describe('an answer that does not belong to this browser', () => {
  test('is refused, and its code is not exchanged', async () => {
    system = await startSystem()
    const client = await register(system)
    const { browser, login, state } = await approved(client)
    const callback = asUrl(await signInAtProvider(browser, login, { stopAt: `${system.url}/callback` }))
    expect(callback.searchParams.get('state')).toBe(state)
    const victim = system.browser()
    const foreign = await victim.request(callback.href)
    expect([foreign.status, foreign.headers.get('location')]).toEqual([403, null])
    expect(tokenRequests()).toBe(0)
    const answer = asUrl(await browser.open(callback.href, { stopAt: REDIRECT }))
    expect(answer.searchParams.get('code')).toBeTruthy()
    const again = await browser.request(callback.href)
    expect(again.status, 'the same answer a second time').toBe(403)
    expect(tokenRequests()).toBe(1)
  })

  test.each([
    ['no state', 'code=x'],
    ['an unknown state', `code=x&state=${'A'.repeat(22)}`],
    ['an error and an unknown state', 'error=access_denied&state=x'],
    ['a state that names another cookie', 'code=x&state=../consent'],
  ])('with %s is refused', async (_name, query) => {
    system = await startSystem()
    const response = await system.call(`/callback?${query}`)
    expect([response.status, response.headers.get('location')]).toEqual([403, null])
  })

  test('that arrives five times at once is exchanged once, and every request gets the outcome', async () => {
    system = await startSystem()
    const { browser, login } = await approved(await register(system))
    const callback = asUrl(await signInAtProvider(browser, login, { stopAt: `${system.url}/callback` }))
    const responses = await Promise.all(Array.from({ length: 5 }, () => browser.request(callback.href)))
    const pages = await Promise.all(responses.map((response) => response.text()))
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(new Set(pages).size).toBe(1)
    expect(new Set(responses.map(({ headers }) => headers.getSetCookie().join())).size).toBe(1)
    expect(tokenRequests()).toBe(1)
    expect(system.events.filter(({ type }) => type === 'signed-in')).toHaveLength(1)
    const stranger = await system.browser().request(callback.href)
    expect(stranger.status).toBe(403)
  })

  test('that comes after the sign-in’s time is refused', async () => {
    system = await startSystem()
    const { browser, login } = await approved(await register(system))
    const callback = asUrl(await signInAtProvider(browser, login, { stopAt: `${system.url}/callback` }))
    system.clock.ahead += 601
    expect((await browser.request(callback.href)).status).toBe(400)
    expect(tokenRequests()).toBe(0)
  })
})

describe('what the provider answers reaches the client in its own words', () => {
  test.each([
    ['a refusal', 'error=access_denied', 'access_denied'],
    ['a passing failure', 'error=temporarily_unavailable', 'temporarily_unavailable'],
    ['any other error', 'error=invalid_scope&error_description=canary', 'server_error'],
    ['a code it never issued', 'code=made-up', 'server_error'],
    ['another issuer', 'code=x&iss=https%3A%2F%2Fevil.example', 'server_error'],
  ])('%s', async (_name, query, error) => {
    system = await startSystem()
    const client = await register(system)
    const { browser, state } = await approved(client)
    const issuer = query.includes('iss=') ? '' : `&iss=${encodeURIComponent(system.provider.issuer)}`
    const answer = asUrl(
      await browser.open(`${system.url}/callback?state=${state}&${query}${issuer}`, { stopAt: REDIRECT }),
    )
    expect(Object.fromEntries(answer.searchParams)).toEqual({
      error,
      error_description: expect.any(String),
      state: 'a state',
      iss: system.url,
    })
    expect(answer.href).not.toContain('canary')
    expect(system.store.writes).toBe(0)
  })

  test('an answer posted across sites goes round once more', async () => {
    system = await startSystem()
    const response = await system.post('/callback', { code: 'c', state: 's', extra: 'x' })
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe(`${system.url}/callback?code=c&state=s`)
  })
})

describe('who may come in', () => {
  test.each([
    ['the address', ['ada@example.com'], true],
    ['the domain', ['@example.com'], true],
    ['the subject', ['sub:ada'], true],
    ['another domain', ['@ample.com'], false],
    ['nobody known', ['eve@example.com', 'group:x'], false],
  ])('by %s', async (_name, allow, enters) => {
    system = await startSystem({ allow })
    const client = await register(system)
    const browser = system.browser()
    const consent = asPage(await browser.open(authorizeUrl(system, client)))
    const login = asPage(await browser.submit(consent, { decision: 'allow' }))
    const shown = await signInAtProvider(browser, login, { stopAt: REDIRECT })
    if (enters) {
      expect(asUrl(shown).searchParams.get('code')).toBeTruthy()
      return
    }
    const page = asPage(shown)
    expect(page.status).toBe(403)
    expect(page.text).toContain('may not use this server')
    expect(system.store.writes).toBe(0)
    expect(system.events).toContainEqual(expect.objectContaining({ type: 'turned-away' }))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(system.provider.requests, 'its tokens are given back').toContain('POST /token/revocation')
  })

  test('by a function that fails: nobody', async () => {
    system = await startSystem({
      allow: () => {
        throw new Error('directory down')
      },
    })
    const { answer } = await signIn(system, await register(system))
    expect(answer.searchParams.get('error')).toBe('server_error')
    expect(answer.href).not.toContain('directory')
    expect(system.events.at(-1)).toMatchObject({ type: 'failed', error: 'Error directory down' })
  })
})

describe('the provider’s tokens', () => {
  test('are refreshed when they are about to expire, and the handler gets the new one', async () => {
    const seen: string[] = []
    system = await startSystem({
      providerTtl: 120,
      mcp: async (_request, auth) => {
        seen.push(await auth.upstream.accessToken())
        return new Response('ok')
      },
    })
    const { tokens } = await connect(system)
    await guarded(system, tokens.access_token)
    system.clock.ahead += 90
    await Promise.all(Array.from({ length: 10 }, () => guarded(system, tokens.access_token)))
    expect(seen).toHaveLength(11)
    expect(new Set(seen).size).toBe(2)
    expect(tokenRequests(), 'the code, and one refresh').toBe(2)
  })

  test('that the provider has ended end the grant', async () => {
    system = await startSystem({
      providerTtl: 120,
      mcp: async (_request, auth) => new Response(await auth.upstream.accessToken()),
    })
    const { client, tokens } = await connect(system)
    system.provider.revokeAll()
    system.clock.ahead += 90
    const response = await guarded(system, tokens.access_token)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))).toEqual([
      400,
      'invalid_grant',
    ])
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'grant-ended', reason: 'provider-error', detail: 'invalid_grant' }),
    )
  })

  test('that cannot be refreshed because the provider is away leave the grant alive', async () => {
    let away = false
    system = await startSystem({
      providerTtl: 120,
      fetch: (input, init) => (away ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init)),
    })
    const { client, tokens } = await connect(system)
    system.clock.ahead += 130
    away = true
    const refused = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await outcome(refused)).toEqual([503, 'temporarily_unavailable'])
    away = false
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test('that cannot be refreshed at all end the grant with them', async () => {
    system = await startSystem({ providerTtl: 300, providerScopes: ['openid'] })
    const { client, tokens } = await connect(system)
    expect(tokens.expires_in).toBeGreaterThan(290)
    expect(tokens.expires_in).toBeLessThanOrEqual(300)
    system.clock.ahead += 301
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
    expect(await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))).toEqual([
      400,
      'invalid_grant',
    ])
  })
})

test('without the provider nobody gets as far as consent, and the answer says so', async () => {
  system = await startSystem({ fetch: () => Promise.reject(new TypeError('fetch failed')) })
  const response = await system.call(authorizeUrl(system, await register(system)))
  expect(response.status).toBe(303)
  expect(response.headers.get('location')).toContain('error=temporarily_unavailable')
  expect(system.events.at(-1)).toMatchObject({
    type: 'failed',
    reason: 'provider-unreachable',
    error: 'TypeError fetch failed',
  })
})
