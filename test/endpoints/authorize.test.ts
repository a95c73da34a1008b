import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asPage, asUrl, type Shown } from '../support/browser.ts'
import {
  authorizeUrl,
  connect,
  REDIRECT,
  register,
  type System,
  signIn,
  startSystem,
  type TestClient,
} from '../support/system.ts'

let system: System
let local: TestClient
let web: TestClient

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read things', write: 'Write things' },
    clients: [{ clientId: 'configured', redirectUris: ['https://known.example/cb?x=1'], name: 'Known app' }],
  })
  local = await register(system)
  web = await register(system, { redirect_uris: ['https://app.example/cb'] })
})
afterAll(() => system.close())

const authorize = async (client: TestClient, params: Record<string, string | undefined>) => {
  const response = await system.call(authorizeUrl(system, client, params))
  return { response, text: await response.text() }
}

describe('what is never answered by redirect', () => {
  test.each([
    ['no client', { client_id: undefined }],
    ['an unknown client', { client_id: 'somebody' }],
    ['an altered client id', { client_id: 'altered' }],
    ['no redirect URI of several', { client: 'two', redirect_uri: undefined }],
    ['an unregistered redirect URI', { redirect_uri: 'https://evil.example/cb' }],
    ['a script as redirect URI', { redirect_uri: 'javascript:alert(1)' }],
    ['another path', { redirect_uri: `${REDIRECT}/` }],
    ['another query', { redirect_uri: `${REDIRECT}?x=1` }],
    ['another loopback host', { redirect_uri: REDIRECT.replace('127.0.0.1', 'localhost') }],
    ['userinfo', { redirect_uri: REDIRECT.replace('127', 'user@127') }],
    ['a state over 4 KB', { state: 's'.repeat(5000) }],
  ])('%s is a page with 400', async (_name, change) => {
    const { client: several, ...params } = change as Record<string, string | undefined>
    const client = several
      ? await register(system, { redirect_uris: [REDIRECT, 'https://two.example/cb'] })
      : local
    if (params.client_id === 'altered')
      params.client_id = `${local.id.slice(0, -1)}${local.id.endsWith('A') ? 'B' : 'A'}`
    const { response, text } = await authorize(client, params)
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(text).toContain('invalid_request')
  })

  test('a repeated parameter', async () => {
    const response = await system.call(`${authorizeUrl(system, local)}&state=second`)
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
  })
})

const BAD: [string, Record<string, string | undefined>, string][] = [
  ['no response_type', { response_type: undefined }, 'invalid_request'],
  ['the implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
  ['another response_mode', { response_mode: 'fragment' }, 'invalid_request'],
  ['no challenge', { code_challenge: undefined }, 'invalid_request'],
  ['a challenge without method', { code_challenge_method: undefined }, 'invalid_request'],
  ['the plain method', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['an unknown method', { code_challenge_method: 'S512' }, 'invalid_request'],
  [
    'a method without challenge',
    { code_challenge: undefined, code_challenge_method: 'S256' },
    'invalid_request',
  ],
  ['a challenge of 42 characters', { code_challenge: 'a'.repeat(42) }, 'invalid_request'],
  ['a padded challenge', { code_challenge: `${'a'.repeat(42)}=` }, 'invalid_request'],
  ['another resource', { resource: 'https://other.example/mcp' }, 'invalid_target'],
  ['a resource with fragment', { resource: 'http://localhost:8787/mcp#x' }, 'invalid_target'],
  ['a relative resource', { resource: '/mcp' }, 'invalid_target'],
  ['only unknown scopes', { scope: 'bad worse' }, 'invalid_scope'],
  ['a malformed scope', { scope: 'read "x"' }, 'invalid_scope'],
]

test('an error page shows the id under which the operator finds the event', async () => {
  const { text } = await authorize(local, { client_id: 'somebody' })
  const event = system.events.at(-1)!
  expect(event).toMatchObject({ type: 'refused', endpoint: '/authorize', reason: 'unknown-client' })
  expect(event.requestId).toMatch(/^[\w-]{12}$/)
  expect(text).toContain(event.requestId)
  expect(text).toContain(`<code>${event.reason}</code>`)
})

describe('what is answered with an error', () => {
  test.each(BAD)('%s goes back to a loopback client', async (_name, params, error) => {
    const { response } = await authorize(local, params)
    expect(response.status).toBe(303)
    const location = new URL(response.headers.get('location')!)
    expect(location.origin + location.pathname).toBe(REDIRECT)
    expect(Object.fromEntries(location.searchParams)).toEqual({
      error,
      error_description: expect.any(String),
      state: 'a state',
      iss: system.url,
    })
  })

  test.each(BAD)('%s ends on a page for a web client nobody approved', async (_name, params, error) => {
    const { response, text } = await authorize(web, params)
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
    expect(text).toContain(`https://app.example/cb?error=${error}`)
  })

  test('a configured client is trusted, and keeps its own query', async () => {
    const client = { id: 'configured', secret: undefined, redirectUri: 'https://known.example/cb?x=1' }
    const { response } = await authorize(client, { scope: 'bad' })
    expect(response.headers.get('location')).toContain('https://known.example/cb?x=1&error=invalid_scope')
  })
})

describe('the consent page', () => {
  const open = async (client: TestClient, params: Record<string, string | undefined> = {}) =>
    asPage(await system.browser().open(authorizeUrl(system, client, params)))

  test('says who asks, where the answer goes, for what, and what the provider is asked for', async () => {
    const { text, status } = await open(web, { scope: 'read' })
    expect(status).toBe(200)
    for (const part of [
      'Test client',
      'unverified',
      'app.example',
      'Read things',
      'the provider',
      'openid',
      'offline_access',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).not.toContain('Write things')
    expect(text).toContain(`${system.url}/mcp`)
  })

  test('warns of a loopback client in words', async () => {
    expect((await open(local)).text).toContain('an app on this computer')
  })

  test('shows a hostile name as text only', async () => {
    const name = '<img src=x onerror=alert(1)>"\'&\u202Eevil'
    const client = await register(system, { client_name: name })
    const page = await open(client)
    expect(page.document.querySelectorAll('img, iframe, link, object')).toHaveLength(0)
    // The one script is the page's own: its policy names it by its hash.
    const [script, ...others] = page.document.querySelectorAll('script')
    expect(others).toEqual([])
    const hash = createHash('sha256').update(script!.rawText).digest('base64')
    expect(page.headers.get('content-security-policy')).toContain(`script-src 'sha256-${hash}';`)
    expect(page.document.querySelector('.name')!.text).toContain('<img src=x onerror=alert(1)>')
    expect(page.text).not.toContain('\u202E')
  })

  test('can be neither framed, cached nor sent to', async () => {
    for (const page of [await open(local), await open({ ...local, id: 'x' })]) {
      const header = (name: string) => page.headers.get(name)
      expect(header('content-security-policy')).toContain("default-src 'none'")
      expect(header('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(header('content-security-policy')).not.toContain('form-action')
      expect(header('x-frame-options')).toBe('DENY')
      expect(header('cache-control')).toBe('no-store')
      expect(header('referrer-policy')).toBe('same-origin')
      expect(header('access-control-allow-origin')).toBeNull()
    }
  })

  test('comes for every client anew, even where the browser is signed in at the provider', async () => {
    const { signedIn } = await connect(system)
    const twin = await register(system)
    const page = asPage(await signedIn.browser.open(authorizeUrl(system, twin)))
    expect(page.url).toContain(system.url)
    expect(page.document.querySelector('form')).not.toBeNull()
  })

  test('sets no state for the provider, only a strict cookie of its own', async () => {
    const url = 'https://mcp.test'
    const secure = await startSystem({ url })
    const { headers } = await secure.call(authorizeUrl(secure, await register(secure)))
    await secure.close()
    const cookies = headers.getSetCookie()
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(
      /^__Host-lockgate-consent-[\w-]+=[\w-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
  })

  test('takes its request by POST as well', async () => {
    const { search } = new URL(authorizeUrl(system, local))
    const response = await system.post('/authorize', new URLSearchParams(search))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('Test client')
  })
})

describe('what comes back after the sign-in', () => {
  test.each([
    ['a state with every odd character', `+ & = % ü " ' < > ${'x'.repeat(1900)}`],
    ['no state', undefined],
  ])('%s', async (_name, state) => {
    const { answer } = await signIn(system, local, { params: { state } })
    expect(answer.searchParams.get('state')).toBe(state ?? null)
    expect(answer.searchParams.getAll('iss')).toEqual([system.url])
    expect(answer.searchParams.getAll('code')).toHaveLength(1)
  })

  test('any port of a loopback redirect URI', async () => {
    const redirect_uri = REDIRECT.replace('5555', '61234')
    const { answer } = await signIn(system, local, { params: { redirect_uri } })
    expect(answer.port).toBe('61234')
  })

  test('an app by its own scheme', async () => {
    const redirectUri = 'cursor://anysphere.cursor-mcp/oauth/callback'
    const client = await register(system, {
      redirect_uris: [redirectUri, 'https://www.cursor.com/x', REDIRECT],
    })
    const { answer } = await signIn(system, client)
    expect(answer.href.startsWith(`${redirectUri}?code=`)).toBe(true)
  })

  test.each([
    ['upper-case host', 'HTTP://LOCALHOST:8787/mcp'],
    ['a trailing slash', 'http://localhost:8787/mcp/'],
    ['an extra query', 'http://localhost:8787/mcp?kb_name=X'],
  ])('a resource with %s is ours', async (_name, resource) => {
    expect((await signIn(system, local, { params: { resource } })).code).not.toBe('')
  })
})

describe('scopes', () => {
  test.each([
    ['none asked', undefined, 'read write'],
    ['one asked', 'read', 'read'],
    ['an unknown one beside it', 'read nonsense', 'read'],
    ['only what clients ask everywhere', 'openid profile email', 'read write'],
    ['offline access', 'read offline_access', 'read offline_access'],
  ])('%s', async (_name, scope, granted) => {
    const params: Record<string, string> = scope === undefined ? {} : { scope }
    const { tokens } = await connect(system, { params })
    expect(tokens.scope).toBe(granted)
  })
})

test('denying tells a loopback client, and stores and sends nothing', async () => {
  const browser = system.browser()
  const page = asPage(await browser.open(authorizeUrl(system, local)))
  const before = system.provider.requests.length
  system.store.reset()
  const answer = asUrl(await browser.submit(page, { decision: 'deny' }, { stopAt: REDIRECT }))
  expect(Object.fromEntries(answer.searchParams)).toMatchObject({
    error: 'access_denied',
    state: 'a state',
    iss: system.url,
  })
  expect(system.provider.requests.length).toBe(before)
  expect(system.store.writes).toBe(0)
})

test('denying leaves a web client nobody approved to a link', async () => {
  const browser = system.browser()
  const page = asPage(await browser.open(authorizeUrl(system, web)))
  const shown = (await browser.submit(page, { decision: 'deny' })) as Shown
  expect(shown.url).toBe(`${system.url}/consent`)
  const link = shown.document.querySelector('a')!.getAttribute('href')!
  expect(link).toContain('https://app.example/cb?error=access_denied')
})
