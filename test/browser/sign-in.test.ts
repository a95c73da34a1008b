import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launch, noChromium, type Site, signInAt, startSite, type Visit, visit } from '../support/chromium.ts'
import { authorizeUrl, redeemParams, register, type TestClient } from '../support/system.ts'

if (noChromium) console.warn(`SKIPPED, the pages in a real browser: this machine has no ${noChromium}`)

describe.skipIf(noChromium)('in a real browser', { timeout: 60_000 }, () => {
  let browser: Browser
  let site: Site
  let client: TestClient

  beforeAll(async () => {
    browser = await launch()
    site = await startSite()
    client = await register(site.system, { redirect_uris: [site.redirectUri] })
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })
  beforeEach(() => {
    site.answers.length = 0
  })

  const ask = (params: Record<string, string | undefined> = {}, who = client) =>
    authorizeUrl(site.system, who, params)
  const allow = (page: Page) => page.click('button[value=allow]')
  const heading = (page: Page) => page.textContent('h1')
  const connected = (page: Page) => page.waitForURL(`${site.redirectUri}**`)
  const answer = () => Object.fromEntries(site.answers.at(-1) ?? [])

  /** One page, closed again, on which nothing may have complained. */
  async function inBrowser(run: (visit: Visit) => Promise<void>): Promise<void> {
    const one = await visit(browser, site)
    await run(one)
    expect(one.complaints).toEqual([])
    await one.page.context().close()
  }

  test('a user approves, signs in, and the app is connected', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      expect(await heading(page)).toBe(`Allow access to localhost:${new URL(site.url).port}?`)
      expect(await page.textContent('.name')).toBe('Test client')
      expect(await page.textContent('.panel strong')).toBe('an app on this computer')
      await allow(page)
      await signInAt(page)
      await connected(page)
      expect(answer()).toMatchObject({ state: 'a state', iss: site.url })
      const redeemed = redeemParams(client, { code: answer().code!, verifier: 'v'.repeat(43) })
      expect((await site.system.post('/token', redeemed)).status).toBe(200)
    }))

  test('a user denies, and the app is told so', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      await page.click('button[value=deny]')
      await connected(page)
      expect(answer()).toMatchObject({ error: 'access_denied', state: 'a state', iss: site.url })
    }))

  test('both decisions are as large', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      const sizes = await page.$$eval('main button', (buttons) =>
        buttons.map((button) => {
          const { width, height } = button.getBoundingClientRect()
          return { width, height }
        }),
      )
      expect(sizes).toHaveLength(2)
      expect(sizes[0]).toEqual(sizes[1])
    }))

  test('a permission that is unticked is not granted', async () => {
    const scoped = await startSite({ scopes: { read: 'Read', admin: 'Change settings' } })
    const app = await register(scoped.system, { redirect_uris: [scoped.redirectUri] })
    const { page, complaints } = await visit(browser, scoped)
    await page.goto(authorizeUrl(scoped.system, app, { scope: 'read admin offline_access' }))
    await page.uncheck('text=Change settings')
    await page.uncheck('text=Stay connected')
    await allow(page)
    await signInAt(page)
    await page.waitForURL(`${scoped.redirectUri}**`)
    const code = scoped.answers.at(-1)!.get('code')!
    const answer = await scoped.system.post('/token', redeemParams(app, { code, verifier: 'v'.repeat(43) }))
    const tokens = (await answer.json()) as Record<string, unknown>
    expect(tokens.scope).toBe('read')
    expect(tokens).not.toHaveProperty('refresh_token')
    expect(complaints).toEqual([])
    await page.context().close()
    await scoped.close()
  })

  test('a client that opened the sign-in as a popup is told by it', async () => {
    const { page, complaints } = await visit(browser, site)
    await page.goto(site.redirectUri.replace('/callback', '/app'))
    const popup = page.waitForEvent('popup')
    await page.evaluate((url) => {
      addEventListener('message', ({ data }) => {
        document.title = `told: ${data}`
      })
      ;(globalThis as unknown as { popup: Window | null }).popup = open(
        url,
        'sign-in',
        'width=500,height=700',
      )
    }, ask())
    const opened = await popup
    await opened.waitForSelector('button[value=allow]')
    const closed = () => page.evaluate(() => (globalThis as unknown as { popup: Window }).popup.closed)
    expect(await closed(), 'the opener sees the popup on the consent page').toBe(false)
    await allow(opened)
    await signInAt(opened)
    await connected(opened)
    await opened.evaluate(() => opener.postMessage('connected', '*'))
    await expect.poll(() => page.title()).toBe('told: connected')
    expect(complaints).toEqual([])
    await page.context().close()
  })

  test('the keyboard alone will do, and shows where it is', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      const focused = () =>
        page.evaluate(() => {
          const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement!)
          return [document.activeElement!.textContent, outlineStyle, outlineWidth]
        })
      await page.keyboard.press('Tab')
      expect(await focused()).toEqual([
        `What localhost:${new URL(site.url).port} asks the provider for`,
        'solid',
        '3px',
      ])
      await page.keyboard.press('Tab')
      expect(await focused()).toEqual(['Deny', 'solid', '3px'])
      await page.keyboard.press('Tab')
      expect(await focused()).toEqual(['Allow and sign in', 'solid', '3px'])
      await page.keyboard.press('Enter')
      await page.waitForURL(`${site.system.provider.issuer}/**`)
      await page.focus('input[name=login]')
      await page.keyboard.type('ada')
      await page.keyboard.press('Tab')
      await page.keyboard.type('any')
      await page.keyboard.press('Enter')
      await page.waitForSelector('input[name=login]', { state: 'detached' })
      await page.focus('button[type=submit]')
      await page.keyboard.press('Enter')
      await connected(page)
      expect(answer().code).toBeTruthy()
    }))

  test('a page that was loaded twice works, both times', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      const twin = await page.context().newPage()
      await twin.goto(ask())
      await page.reload()
      await allow(page)
      await signInAt(page)
      await connected(page)
      await allow(twin)
      // The provider knows the user by now, and asks for agreement only.
      await twin.click('button[type=submit]')
      await connected(twin)
      expect(new Set(site.answers.map((one) => one.get('code'))).size).toBe(2)
    }))

  test('going back from the provider shows the question once more, and it can be answered', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      await allow(page)
      await page.waitForSelector('input[name=login]')
      await page.goBack()
      expect(await heading(page)).toContain('Allow access to')
      await allow(page)
      await signInAt(page)
      await connected(page)
      expect(answer().code).toBeTruthy()
    }))

  test('two tabs may sign in for two apps, and end in the other order', () =>
    inBrowser(async ({ page }) => {
      const other = await register(site.system, { client_name: 'Other', redirect_uris: [site.redirectUri] })
      const second = await page.context().newPage()
      await page.goto(ask({ state: 'one' }))
      await second.goto(ask({ state: 'two' }, other))
      await allow(page)
      await allow(second)
      await signInAt(second)
      await connected(second)
      expect(answer().state).toBe('two')
      await signInAt(page)
      await connected(page)
      expect(answer().state).toBe('one')
    }))

  test('another browser cannot finish what this one began', () =>
    inBrowser(async ({ page }) => {
      const sent: string[] = []
      page.on('request', (request) => sent.push(request.url()))
      await page.goto(ask())
      await allow(page)
      await page.waitForSelector('input[name=login]')
      // Where the approval leads, and what somebody might send to a victim.
      const link = sent.find((url) => url.startsWith(`${site.system.provider.issuer}/auth?`))!
      await inBrowser(async ({ page: other }) => {
        await other.goto(link)
        await signInAt(other, 'victim')
        await other.waitForURL(`${site.url}/callback**`)
        expect(new URL(other.url()).searchParams.get('code')).toBeTruthy()
        expect(await other.textContent('main')).toContain('This sign-in was not started in this browser')
      })
      expect(site.answers).toEqual([])
    }))

  test('a browser that lost its cookies is told so, and nobody is asked', () =>
    inBrowser(async ({ page }) => {
      await page.goto(ask())
      await page.context().clearCookies()
      const asked = site.system.provider.requests.length
      await allow(page)
      expect(await heading(page)).toBe('Your browser did not send the cookie of this sign-in')
      expect(await page.textContent('main')).toMatch(/Allow cookies for localhost:\d+/)
      expect(await page.textContent('main')).toContain('This sign-in was not started in this browser')
      expect(site.system.provider.requests.length).toBe(asked)
      expect(site.answers).toEqual([])
    }))

  test.each(['deny', 'allow'])('an editor with a scheme of its own gets its answer: %s', (decision) =>
    inBrowser(async ({ page }) => {
      const uri = 'cursor://anysphere.cursor-mcp/oauth/callback'
      const editor = await register(site.system, { client_name: 'Editor', redirect_uris: [uri] })
      const session = await page.context().newCDPSession(page)
      const wanted: string[] = []
      await session.send('Network.enable')
      session.on('Network.requestWillBeSent', ({ request, redirectResponse }) => {
        wanted.push(
          request.url,
          redirectResponse?.headers.location ?? redirectResponse?.headers.Location ?? '',
        )
      })
      await page.goto(ask({}, editor))
      expect(await page.textContent('.panel strong')).toBe(
        'the app that opens cursor://anysphere.cursor-mcp links',
      )
      await page.click(`button[value=${decision}]`, { noWaitAfter: true })
      if (decision === 'deny') {
        // A client that nobody knows gets no browser sent: the user goes there by a link.
        const link = await page.getAttribute('main a', 'href')
        expect(link).toContain(`${uri}?error=access_denied`)
        return
      }
      await signInAt(page).catch(() => {})
      await expect.poll(() => wanted.find((url) => url.startsWith(uri))).toContain('code=')
    }),
  )
})
