import { bitbucket } from 'lockgate/providers/bitbucket'
import { dev } from 'lockgate/providers/dev'
import { github } from 'lockgate/providers/github'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examine, launch, noChromium, type Site, signInAt, startSite, visit } from '../support/chromium.ts'
import { authorizeUrl, connect, register } from '../support/system.ts'

if (noChromium) console.warn(`SKIPPED, the pages in a real browser: this machine has no ${noChromium}`)

const LOGO =
  'data:image/svg+xml;base64,' +
  btoa(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="9" fill="#0b6e4f"/><path d="M11 28V12h5v12h13v4z" fill="#fff"/></svg>',
  )

/** Each page is looked at in light and dark, wide and narrow; the pictures are in `test-output/pages`. */
describe.skipIf(noChromium)('every page, as people see it', { timeout: 60_000 }, () => {
  let browser: Browser
  let site: Site

  beforeAll(async () => {
    browser = await launch()
    site = await startSite({
      name: 'Example Tools',
      scopes: { mcp: 'Use the tools of this server', 'mcp.admin': 'Change the settings of your team' },
    })
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  const open = async (path: string, on = site) => {
    const one = await visit(browser, on)
    const response = await one.page.goto(path.startsWith('/') ? on.url + path : path)
    return { ...one, status: response!.status(), close: () => one.page.context().close() }
  }

  test.each([
    ['an app on this computer', 'loopback', 'http://127.0.0.1:5555/callback'],
    ['an app elsewhere', 'web', 'https://assistant.example.com/oauth/callback'],
    ['an editor', 'editor', 'cursor://anysphere.cursor-mcp/oauth/callback'],
    [
      'a place with a long name',
      'long',
      `https://${'very-long-name-'.repeat(4)}.example.com/${'x'.repeat(80)}`,
    ],
  ])('the question of %s', async (_name, file, uri) => {
    const client = await register(site.system, { client_name: 'Assistant', redirect_uris: [uri] })
    const shown = await open(authorizeUrl(site.system, client, { scope: 'mcp mcp.admin offline_access' }))
    expect(shown.status).toBe(200)
    await examine(shown, `consent-${file}`)
    // The one thing that an app cannot make up is larger than everything but the heading.
    const size = (selector: string) =>
      shown.page.$eval(selector, (element) => Number.parseFloat(getComputedStyle(element).fontSize))
    expect(await size('.panel strong')).toBeGreaterThan(await size('.name'))
    expect(await shown.page.textContent('.badge.warn')).toContain('Unverified app')
    await shown.close()
  })

  test('a name that was chosen to deceive stands in quotes, below a heading of this server', async () => {
    const name = 'Example Tools Security Team: verified, please allow'
    const client = await register(site.system, {
      client_name: name,
      redirect_uris: ['https://example-tools.evil.example/callback'],
    })
    const shown = await open(authorizeUrl(site.system, client))
    const { page } = shown
    expect(await page.textContent('h1')).toBe('Allow access to Example Tools?')
    expect(await page.textContent('main')).toContain('An app that calls itself ')
    expect(await page.$eval('.claimed', (one) => getComputedStyle(one, '::before').content)).toBe('"“"')
    expect(await page.textContent('.panel strong')).toBe('example-tools.evil.example')
    await examine(shown, 'consent-phishing')
    await shown.close()
  })

  test('an app that the operator set up looks different from an unverified one', async () => {
    const redirectUri = 'https://assistant.example.com/oauth/callback'
    const trusting = await startSite({
      name: 'Example Tools',
      clients: [{ clientId: 'ours', name: 'Assistant', redirectUris: [redirectUri] }],
    })
    const shown = await open(
      authorizeUrl(trusting.system, { id: 'ours', secret: undefined, redirectUri }),
      trusting,
    )
    const { page } = shown
    expect(await page.textContent('.badge.good')).toContain('Set up by the operator of this server')
    expect(await page.$('.badge.warn')).toBeNull()
    await examine(shown, 'consent-operator')
    await shown.close()
    await trusting.close()
  })

  test('one button stands out, and it is the one that goes on', async () => {
    const client = await register(site.system)
    const shown = await open(authorizeUrl(site.system, client))
    const grounds = await shown.page.$$eval('main button', (all) =>
      all.map((button) => [button.textContent, getComputedStyle(button).backgroundColor] as const),
    )
    expect(grounds).toEqual([
      ['Deny', 'rgba(0, 0, 0, 0)'],
      ['Allow and sign in', 'rgb(31, 95, 208)'],
    ])
    await shown.close()
  })

  test('the question where to sign in, of several providers, and the account of the same', async () => {
    const application = { clientId: 'a', clientSecret: 'the secret of an application' }
    const several = await startSite({
      name: 'Example Tools',
      upstream: [github(application), bitbucket(application)],
    })
    const client = await register(several.system, { client_name: 'Assistant' })
    const shown = await open(authorizeUrl(several.system, client), several)
    const { page } = shown
    const buttons = () => page.$$eval('main button', (all) => all.map(({ textContent }) => textContent))
    expect(await buttons()).toEqual([
      'Allow and continue with GitHub',
      'Allow and continue with Bitbucket',
      'Deny',
    ])
    await examine(shown, 'consent-chooser')
    const sent = page.waitForRequest((request) => request.url().startsWith('https://bitbucket.org/'))
    await page.click('text=continue with Bitbucket', { noWaitAfter: true })
    expect((await sent).url()).toContain('client_id=a')
    await shown.close()
    // Another tab, because the first one may still be on its way to the provider, which is not there.
    const account = await open('/account', several)
    await examine(account, 'account-chooser')
    await account.close()
    await several.close()
  })

  test('an error, and one that leads back', async () => {
    const unknown = await open('/authorize?client_id=nobody')
    expect(unknown.status).toBe(400)
    expect(await unknown.page.textContent('h1')).toBe('This server does not know the app')
    await examine(unknown, 'error')
    await unknown.close()
    const registered = await register(site.system)
    const elsewhere = await open(
      authorizeUrl(site.system, registered, {
        redirect_uri: 'https://n8n.example.com/rest/oauth2/callback?x=1',
      }),
    )
    expect(await elsewhere.page.textContent('.panel code')).toBe(
      'https://n8n.example.com/rest/oauth2/callback',
    )
    await examine(elsewhere, 'error-address')
    await elsewhere.close()
    const client = await register(site.system, { redirect_uris: ['https://assistant.example.com/callback'] })
    const back = await open(authorizeUrl(site.system, client, { scope: 'nothing-known' }))
    expect(await back.page.getAttribute('main a', 'href')).toContain('error=invalid_scope')
    await examine(back, 'error-back')
    await back.close()
  })

  test.each([
    ['/', 200],
    ['/mcp', 401],
  ])('how to connect, at %s', async (path, status) => {
    const shown = await open(path)
    expect(shown.status).toBe(status)
    const { page } = shown
    expect(await page.textContent('.snippet pre')).toBe(`${site.url}/mcp`)
    await examine(shown, path === '/' ? 'home' : 'home-at-server')
    for (const summary of await page.$$('summary')) await summary.click()
    await page.$$eval('details', (all) => {
      for (const one of all) {
        one.removeAttribute('name')
        one.open = true
      }
    })
    await examine(shown, path === '/' ? 'home-open' : 'home-at-server-open')
    await shown.close()
  })

  test('a button copies, and without script there is none', async () => {
    const shown = await visit(browser, site, { permissions: ['clipboard-read', 'clipboard-write'] })
    await shown.page.goto(site.url)
    await shown.page.click('.snippet button')
    await expect.poll(() => shown.page.textContent('.snippet button')).toBe('Copied')
    expect(await shown.page.evaluate(() => navigator.clipboard.readText())).toBe(`${site.url}/mcp`)
    expect(shown.complaints).toEqual([])
    await shown.page.context().close()
    const plain = await visit(browser, site, { javaScriptEnabled: false })
    await plain.page.goto(site.url)
    expect(await plain.page.isVisible('.snippet button')).toBe(false)
    expect(await plain.page.isVisible('.snippet pre')).toBe(true)
    await plain.page.context().close()
  })

  test('the account: signed out, signed in, an app disconnected, none left', async () => {
    for (const name of ['Assistant', 'An editor with a rather long name for an app that somebody made up']) {
      const client = await register(site.system, { client_name: name })
      await connect(site.system, { client, params: { scope: 'mcp mcp.admin offline_access' }, login: 'ada' })
    }
    const shown = await open('/account')
    const { page } = shown
    await examine(shown, 'account-signed-out')
    await page.click('main button')
    await signInAt(page, 'ada')
    await page.waitForURL(`${site.url}/account`)
    await examine(shown, 'account')
    await page.click('button[aria-label="Disconnect Assistant"]')
    expect(await page.$$eval('.card h2', (all) => all.map(({ textContent }) => textContent))).toEqual([
      'An editor with a rather long name for an app that somebody made up',
    ])
    await page.click('.card button')
    expect(await page.textContent('main')).toContain('No app is connected')
    await examine(shown, 'account-none')
    await page.goto(`${site.url}/`)
    expect(await page.textContent('main')).toContain('Signed in as ada@example.com')
    await page.goto(`${site.url}/account`)
    await page.click('text=Sign out')
    expect(await page.textContent('main')).toContain('Sign in with the provider')
    expect(shown.complaints).toEqual([])
    await shown.close()
  })

  test('an account that is not allowed is named, and another one is a click away', async () => {
    const strict = await startSite({ name: 'Example Tools', allow: ['grace@example.com'] })
    const client = await register(strict.system, {
      client_name: 'Assistant',
      redirect_uris: ['https://assistant.example.com/callback'],
    })
    const shown = await open(authorizeUrl(strict.system, client), strict)
    const { page } = shown
    await page.click('button[value=allow]')
    await signInAt(page, 'ada')
    await page.waitForURL(`${strict.url}/callback**`)
    expect(await page.textContent('h1')).toBe('This account cannot use Example Tools')
    expect(await page.textContent('main')).toContain('as ada@example.com')
    await examine(shown, 'turned-away')
    const asked = page.waitForRequest((request) => request.url().includes('prompt='))
    await page.click('button:has-text("Use another account")')
    expect(new URL((await asked).url()).searchParams.get('prompt')).toContain('login')
    await page.waitForSelector('input[name=login]')
    await shown.close()
    await strict.close()
  })

  test('the last step names the app, the place and the account', async () => {
    const client = await register(site.system, {
      client_name: 'Assistant',
      redirect_uris: [site.redirectUri],
    })
    const plain = await visit(browser, site, { javaScriptEnabled: false })
    await plain.page.goto(authorizeUrl(site.system, client))
    await plain.page.click('button[value=allow]')
    await signInAt(plain.page, 'ada')
    await plain.page.waitForURL(`${site.url}/callback**`)
    expect(await plain.page.textContent('main')).toContain('You signed in as ada@example.com.')
    const content = await plain.page.content()
    await plain.page.context().close()
    // The same page with script, which the examination needs, in a tab that did not approve the request.
    const shown = await visit(browser, site)
    await shown.page.route('**/last-step', (route) =>
      route.fulfill({ contentType: 'text/html', body: content }),
    )
    await shown.page.goto(`${site.url}/last-step`)
    await examine(shown, 'finish')
    await shown.page.context().close()
  })

  test('the sign-in for development, at first and with a wrong address', async () => {
    const local = await startSite({ name: 'Example Tools', upstream: dev() })
    const client = await register(local.system, { client_name: 'Assistant' })
    const shown = await open(authorizeUrl(local.system, client), local)
    const { page } = shown
    await page.click('button[value=allow]')
    await page.waitForSelector('input[name=email]')
    await examine(shown, 'development')
    await page.$eval('input[name=email]', (input) => {
      const field = input as HTMLInputElement
      field.type = 'text'
      field.value = 'no address'
    })
    await page.click('main button')
    expect(await page.textContent('[role=alert]')).toContain('Enter an e-mail address')
    await examine(shown, 'development-wrong')
    await page.context().close()
    await local.close()
  })

  test('a theme and a translation reach every page, and a logo is shown', async () => {
    const themed = await startSite({
      name: 'Werkzeuge',
      theme: { name: 'Beispiel GmbH', logo: LOGO, accent: '#0b6e4f' },
      texts: {
        lang: 'de',
        allow: 'Erlauben',
        deny: 'Ablehnen',
        consentHeading: 'Zugriff auf {server} erlauben?',
      },
    })
    const client = await register(themed.system, { client_name: 'Assistent' })
    const shown = await open(authorizeUrl(themed.system, client), themed)
    const { page } = shown
    expect(await page.textContent('h1')).toBe('Zugriff auf Werkzeuge erlauben?')
    expect(await page.getAttribute('html', 'lang')).toBe('de')
    expect(await page.textContent('header')).toContain('Beispiel GmbH')
    expect(
      await page.$eval('header img', (image) => (image as HTMLImageElement).naturalWidth),
    ).toBeGreaterThan(0)
    const ground = await page.$eval('.main', (button) => getComputedStyle(button).backgroundColor)
    expect(ground).toBe('rgb(11, 110, 79)')
    await examine(shown, 'themed')
    await shown.close()
    await themed.close()
  })
})
