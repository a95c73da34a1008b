import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asPage } from '../support/browser.ts'
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
let client: TestClient

beforeAll(async () => {
  system = await startSystem()
  client = await register(system)
})
afterAll(() => system.close())

test('parameters that nobody knows change nothing', async () => {
  const params = {
    prompt: 'consent',
    login_hint: 'ada',
    nonce: 'n',
    audience: 'x',
    ui_locales: 'de',
    foo: '',
  }
  const { answer } = await signIn(system, client, { params })
  expect(answer.searchParams.get('code')).not.toBeNull()
  expect([...answer.searchParams.keys()].sort()).toEqual(['code', 'iss', 'state'])
})

test('an empty parameter counts as none', async () => {
  const { answer } = await signIn(system, client, { params: { state: '', scope: '', resource: '' } })
  expect(answer.searchParams.has('state')).toBe(false)
  expect(answer.searchParams.has('code')).toBe(true)
})

test('no answer to a form repeats the post elsewhere', async () => {
  const browser = system.browser()
  for (const decision of ['allow', 'deny']) {
    const page = asPage(await browser.open(authorizeUrl(system, client)))
    const sealed = page.document.querySelector('input[type=hidden]')!
    const body = new URLSearchParams({
      [sealed.getAttribute('name')!]: sealed.getAttribute('value')!,
      decision,
    })
    const headers = { origin: system.url }
    const response = await browser.request(`${system.url}/consent`, { method: 'POST', body, headers })
    expect([302, 303]).toContain(response.status)
  }
})

describe('every page', () => {
  const pages: [string, () => Promise<Response>][] = [
    ['of consent', () => system.call(authorizeUrl(system, client))],
    ['about an unknown client', () => system.call('/authorize?client_id=nobody')],
    ['about a bad redirect URI', () => system.call(authorizeUrl(system, client, { redirect_uri: 'x:' }))],
    ['about a callback that nobody waits for', () => system.call('/callback?state=x&code=y')],
    ['about a form from nowhere', () => system.post('/consent', { decision: 'allow' })],
    ['at the front door', () => system.call('/')],
  ]
  test.each(pages)('%s can be framed by nobody and tells nobody where it came from', async (_name, open) => {
    const response = await open()
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(response.headers.get('referrer-policy')).toBe('same-origin')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const text = await response.text()
    expect(text).not.toMatch(/(src|href|action)="(https?:)?\/\//)
  })
})

test('what a client sends breaks out of no header, no page and no log line', async () => {
  const nasty = `a\r\nset-cookie: evil=1\r\n\r\n<script>alert(1)</script>"'\u0000ü`
  const { answer } = await signIn(system, client, { params: { state: nasty } })
  expect(answer.searchParams.get('state')).toBe(nasty)
  const tries = [
    system.call(`/authorize?${new URLSearchParams({ client_id: nasty, redirect_uri: nasty })}`),
    system.call(authorizeUrl(system, client, { scope: nasty, state: nasty })),
    system.call(authorizeUrl(system, client, { resource: nasty })),
    system.call(`/callback?${new URLSearchParams({ state: nasty, error: nasty, error_description: nasty })}`),
  ]
  for (const response of await Promise.all(tries)) {
    expect(response.headers.getSetCookie().join()).not.toContain('evil')
    expect(await response.text()).not.toContain('<script>alert')
  }
  for (const event of system.events) expect(JSON.stringify(event)).not.toMatch(/\\r\\n|<script>/)
})

test('an approval is for one client: its twin of the same name and address is asked about again', async () => {
  const web = { redirect_uris: ['https://app.example/cb'], client_name: 'Twin' }
  const first = await register(system, web)
  const { signedIn } = await connect(system, { client: first })
  for (const twin of [await register(system, web), first]) {
    const response = await signedIn.browser.request(authorizeUrl(system, twin))
    expect([response.status, response.headers.get('location')]).toEqual([200, null])
    expect(await response.text()).toContain('<form')
  }
})

test('a redirect URI keeps its query in answers of both kinds', async () => {
  const own = await register(system, { redirect_uris: [`${REDIRECT}?x=1`] })
  const good = await signIn(system, own)
  expect(good.answer.href.startsWith(`${REDIRECT}?x=1&code=`)).toBe(true)
  const bad = await system.call(authorizeUrl(system, own, { response_type: 'token' }))
  expect(bad.headers.get('location')).toContain(`${REDIRECT}?x=1&error=unsupported_response_type`)
})
