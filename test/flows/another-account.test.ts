import { github } from 'lockgate/providers/github'
import { google } from 'lockgate/providers/google'
import { oidc } from 'lockgate/providers/oidc'
import { afterEach, describe, expect, test } from 'vitest'
import {
  accountPromptOf,
  authorizationParams,
  authorizationUrl,
} from '../../src/upstream/authorization-url.ts'
import { asPage, asUrl, type Browser, type Shown } from '../support/browser.ts'
import { signInAtProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  challengeOf,
  connect,
  REDIRECT,
  redeemParams,
  register,
  type System,
  startSystem,
} from '../support/system.ts'

let system: System | undefined
afterEach(async () => {
  await system?.close()
  system = undefined
})

const VERIFIER = 'v'.repeat(43)
const WEB = 'https://assistant.example.com/callback'

/** Signs in with an account that `allow` does not admit. */
async function turnedAway(on: System, redirectUri = WEB): Promise<{ browser: Browser; page: Shown }> {
  const client = await register(on, { redirect_uris: [redirectUri] })
  const browser = on.browser()
  const consent = asPage(
    await browser.open(authorizeUrl(on, client, { code_challenge: challengeOf(VERIFIER) })),
  )
  const login = asPage(await browser.submit(consent, { decision: 'allow' }))
  const page = asPage(await signInAtProvider(browser, login, { stopAt: redirectUri, login: 'eve' }))
  return { browser, page }
}

/** Ends the session at the provider of the tests, whose page for that needs a script. */
async function forget(browser: Browser, { provider }: System): Promise<void> {
  for (const { key, domain, path } of await browser.jar.getCookies(`${provider.issuer}/`)) {
    if (key.startsWith('_session')) await browser.jar.store.removeCookie(domain!, path!, key)
  }
}

const otherButton = ({ document }: Shown) =>
  document.querySelectorAll('button').find(({ text }) => text === 'Use another account')

describe('a user whose account is not allowed', () => {
  test('reads which account that is, and signs in with another one', async () => {
    system = await startSystem({ url: 'https://mcp.test', allow: ['ada@example.com'] })
    const { browser, page } = await turnedAway(system)
    expect(page.status).toBe(403)
    expect(page.document.querySelector('h1')!.text).toBe('This account cannot use mcp.test')
    expect(page.text).toContain('You signed in with the provider as <strong>eve@example.com</strong>.')
    expect(otherButton(page)).toBeDefined()
    const before = browser.visited.length
    await forget(browser, system)
    const login = asPage(await browser.submit(page, { decision: 'allow' }))
    const asked = browser.visited.slice(before).find((url) => url.includes('/auth?'))!
    expect(new URL(asked).searchParams.get('prompt')).toBe('consent login')
    const answer = asUrl(await signInAtProvider(browser, login, { stopAt: WEB, login: 'ada' }))
    expect(answer.searchParams.get('state')).toBe('a state')
    const grants = []
    for await (const { account } of system.proxy.grants.all()) grants.push(account?.email)
    expect(grants).toEqual(['ada@example.com'])
  })

  test('sends that form once, and from this browser only', async () => {
    system = await startSystem({ url: 'https://mcp.test', allow: ['ada@example.com'] })
    const { browser, page } = await turnedAway(system)
    const refused = asPage(await system.browser().submit(page, { decision: 'allow' }))
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('consent-cookie-missing')])
    await browser.submit(page, { decision: 'allow' })
    const twice = asPage(await browser.submit(page, { decision: 'allow' }))
    expect(twice.text).toContain('consent-cookie-missing')
    for await (const grant of system.proxy.grants.all()) expect(grant).toBeUndefined()
  })

  test('gets only the advice to sign out if the provider cannot ask for the account', async () => {
    system = await startSystem({ url: 'https://mcp.test', allow: ['ada@example.com'] })
    const { issuer, clientId, clientSecret } = system.provider
    const upstream = oidc({
      issuer,
      clientId,
      clientSecret,
      name: 'the provider',
      overrides: { accountPrompt: false },
    })
    const on = { ...system, ...(system as Awaited<ReturnType<typeof startSystem>>).another({ upstream }) }
    const { page } = await turnedAway(on)
    expect(otherButton(page)).toBeUndefined()
    expect(page.text).toContain('sign out at the provider first')
  })

  test('can choose another account for the account page too', async () => {
    system = await startSystem({ url: 'https://mcp.test', allow: ['ada@example.com'] })
    const browser = system.browser()
    const open = asPage(await browser.open(`${system.url}/account`))
    const login = asPage(await browser.submit(open, {}))
    const stopAt = `${system.url}/account`
    const page = asPage(await signInAtProvider(browser, login, { stopAt: `${stopAt}?`, login: 'eve' }))
    expect(page.text).toContain('as <strong>eve@example.com</strong>')
    await forget(browser, system)
    const again = asPage(await browser.submit(page, {}))
    await signInAtProvider(browser, again, { stopAt, login: 'ada' })
    const shown = asPage(await browser.open(stopAt))
    expect(shown.text).toContain('Signed in as <strong>ada@example.com</strong>')
  })
})

test('the last step on a loopback host names the account, and offers another one', async () => {
  system = await startSystem()
  const client = await register(system)
  const browser = system.browser()
  const consent = asPage(
    await browser.open(authorizeUrl(system, client, { code_challenge: challengeOf(VERIFIER) })),
  )
  // Without its mark the page does not go on by itself.
  consent.document.querySelector('form')!.removeAttribute('data-mark')
  const login = asPage(await browser.submit(consent, { decision: 'allow' }))
  const finish = asPage(await signInAtProvider(browser, login, { stopAt: REDIRECT, login: 'eve' }))
  expect(finish.text).toContain('You signed in as <strong>eve@example.com</strong>.')
  expect(otherButton(finish)).toBeDefined()
  const [first, second] = finish.document.querySelectorAll('form')
  expect(first!.getAttribute('action')).toBe('/finish')
  const body = new URLSearchParams(
    second!
      .querySelectorAll('input')
      .map((input) => [input.getAttribute('name')!, input.getAttribute('value')!] as [string, string]),
  )
  body.set('decision', 'allow')
  const init = { method: 'POST', body, headers: { origin: system.url } }
  await forget(browser, system)
  const again = asPage(await browser.open(`${system.url}/consent`, { init }))
  const last = asPage(await signInAtProvider(browser, again, { stopAt: REDIRECT, login: 'ada' }))
  expect(last.text).toContain('You signed in as <strong>ada@example.com</strong>.')
  const answer = asUrl(await browser.submit(last, {}, { stopAt: REDIRECT }))
  const redeemed = redeemParams(client, { code: answer.searchParams.get('code')!, verifier: VERIFIER })
  expect((await system.post('/token', redeemed)).status).toBe(200)
})

describe('the account page', () => {
  test('shows for each app the address that its responses went to', async () => {
    system = await startSystem({ url: 'https://mcp.test' })
    for (const uri of [WEB, 'https://assistant.evil.example/callback', REDIRECT]) {
      const client = await register(system, { client_name: 'Assistant', redirect_uris: [uri] })
      await connect(system, { client, login: 'ada' })
    }
    const browser = system.browser()
    const login = asPage(await browser.submit(asPage(await browser.open(`${system.url}/account`)), {}))
    await signInAtProvider(browser, login, { stopAt: `${system.url}/account`, login: 'ada' })
    const page = asPage(await browser.open(`${system.url}/account`))
    const cards = page.document.querySelectorAll('section')
    const targets = cards.map((card) => card.querySelector('dd code')!.text)
    expect(targets.sort()).toEqual(['127.0.0.1:5555', 'assistant.evil.example', 'assistant.example.com'])
    for (const card of cards) expect(card.querySelector('.badge')!.text).toContain('Unverified app')
  })

  test('lets the user sign out and choose another account', async () => {
    system = await startSystem({ url: 'https://mcp.test' })
    const browser = system.browser()
    const account = `${system.url}/account`
    const login = asPage(await browser.submit(asPage(await browser.open(account)), {}))
    await signInAtProvider(browser, login, { stopAt: account, login: 'ada' })
    const page = asPage(await browser.open(account))
    const out = asPage(await browser.submit(page, { next: 'another' }))
    expect(out.text).not.toContain('ada@example.com')
    const before = browser.visited.length
    await forget(browser, system)
    const again = asPage(await browser.submit(out, {}))
    const asked = browser.visited.slice(before).find((url) => url.includes('/auth?'))!
    expect(new URL(asked).searchParams.get('prompt')).toContain('login')
    await signInAtProvider(browser, again, { stopAt: account, login: 'bob' })
    expect(asPage(await browser.open(account)).text).toContain('bob@example.com')
  })
})

describe('the prompt for another account', () => {
  const flow = { state: 's', verifier: 'v', nonce: 'n' }
  const application = { clientId: 'id', clientSecret: 'secret' }
  const promptOf = (provider: ReturnType<typeof github>, another: boolean) =>
    new URL(
      authorizationUrl(
        'https://id.example.com/auth',
        authorizationParams(provider, {
          flow,
          scopes: [],
          redirectUri: 'https://mcp.test/callback',
          another,
        }),
      ),
    ).searchParams.get('prompt')

  test('is added to the prompt of the definition, and only if the user asked for it', () => {
    expect(promptOf(google(application), false)).toBe('consent')
    expect(promptOf(google(application), true)).toBe('consent select_account')
    expect(promptOf(github(application), false)).toBeNull()
    expect(promptOf(github(application), true)).toBe('select_account')
  })

  test('is unknown for a provider without ID tokens, unless its definition has one', async () => {
    const { bitbucket } = await import('lockgate/providers/bitbucket')
    expect(accountPromptOf(bitbucket(application))).toBeUndefined()
    expect(accountPromptOf(oidc({ ...application, issuer: 'https://id.example.com' }))).toBe('login')
  })
})
