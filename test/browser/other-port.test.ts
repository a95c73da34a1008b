import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { asPage, Browser as HttpBrowser } from '../support/browser.ts'
import { launch, noChromium, type Site, signInAt, startSite, visit } from '../support/chromium.ts'
import { authorizeUrl, register } from '../support/system.ts'

if (noChromium) console.warn(`SKIPPED, a page on another local port: this machine has no ${noChromium}`)

/** A page of another program on this computer. Cookies do not tell ports apart, so it can plant ours. */
describe.skipIf(noChromium)('a page on another local port', { timeout: 60_000 }, () => {
  let browser: Browser
  let site: Site
  let other: Server
  let evil: string
  /** What the page on the other port shows. */
  let html = ''

  beforeAll(async () => {
    browser = await launch()
    site = await startSite()
    other = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(html),
    )
    await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve))
    evil = `http://localhost:${(other.address() as AddressInfo).port}/`
  })
  afterAll(async () => {
    await browser?.close()
    other?.close()
    await site?.close()
  })
  beforeEach(() => {
    site.answers.length = 0
  })

  /** The attacker approves their own client in their own browser, up to the address of the provider. */
  async function approvedByAttacker(): Promise<{ cookie: string; location: string }> {
    const client = await register(site.system, {
      client_name: 'Claude Code',
      redirect_uris: [site.redirectUri],
    })
    const attacker = new HttpBrowser()
    const consent = asPage(await attacker.open(authorizeUrl(site.system, client)))
    await attacker.submit(consent, { decision: 'allow' })
    const location = attacker.visited.find((url) => url.startsWith(`${site.system.provider.issuer}/auth?`))!
    const state = new URL(location).searchParams.get('state')
    const cookies = await attacker.jar.getCookies(site.url)
    const planted = cookies.find(({ key }) => key === `lockgate-sign-in-${state}`)!
    return { cookie: `${planted.key}=${planted.value}; path=/`, location }
  }

  /** The victim opens the page, which plants the cookie, and signs in at the provider as usual. */
  async function lure(page: Page): Promise<void> {
    const { cookie, location } = await approvedByAttacker()
    html = `<!doctype html><script>document.cookie=${JSON.stringify(cookie)};location=${JSON.stringify(location)}</script>`
    await page.goto(evil)
    await page.waitForSelector('input[name=login]')
    await signInAt(page, 'victim')
    await page.waitForURL(`${site.url}/callback**`)
  }

  test('that plants the cookie of its own sign-in gets no tokens of the user: a step of this origin is left', async () => {
    const { page } = await visit(browser, site)
    await lure(page)
    expect(await page.textContent('h1')).toBe('Finish connecting')
    expect(await page.textContent('main')).toContain('Claude Code')
    expect(await page.textContent('main')).toContain('victim@example.com')
    // Time enough for a page that went on by itself.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(page.url().startsWith(`${site.url}/callback`)).toBe(true)
    expect(site.answers).toEqual([])
    await page.context().close()
  })

  test('cannot take that step for the user: neither by a form, nor in a frame, nor through an opened window', async () => {
    const { page } = await visit(browser, site)
    await lure(page)
    const answer = await page.getAttribute('input[name=answer]', 'value')
    const callback = page.url()
    // Even with the sealed answer, which no other origin can read.
    html = `<!doctype html><form method=post action="${site.url}/finish"><input name=answer value="${answer}"></form>
<script>document.forms[0].submit()</script>`
    const refused = page.waitForResponse(`${site.url}/finish`)
    await page.goto(evil).catch(() => {})
    expect((await refused).status()).toBe(403)
    html = `<!doctype html><iframe src="${callback}"></iframe>`
    await page.goto(evil)
    await page.waitForLoadState('networkidle')
    const framed = page.frames().find((frame) => frame.parentFrame() !== null)
    expect(await framed?.$('form')).toBeFalsy()
    html = '<!doctype html><title>evil</title>'
    await page.goto(evil)
    const read = await page.evaluate(async (url) => {
      const opened = open(url)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      try {
        return opened?.document?.body?.innerHTML ?? 'nothing'
      } catch {
        return 'nothing'
      }
    }, callback)
    expect(read).toBe('nothing')
    expect(site.answers).toEqual([])
    await page.context().close()
  })

  test('cannot read or send what a page of this origin does', async () => {
    const { page } = await visit(browser, site)
    html = '<!doctype html><title>evil</title>'
    await page.goto(evil)
    const tries = await page.evaluate(async (url) => {
      const results: string[] = []
      for (const [path, init] of [
        ['/account', {}],
        ['/authorize?client_id=x', {}],
        ['/mcp', { method: 'POST', body: '{}' }],
      ] as const) {
        results.push(
          await fetch(url + path, { credentials: 'include', ...init }).then(
            (response) => `read ${response.status}`,
            () => 'refused by the browser',
          ),
        )
      }
      return results
    }, site.url)
    expect(tries[0]).toBe('refused by the browser')
    expect(tries[1]).toBe('refused by the browser')
    expect(tries[2]).not.toBe('read 200')
    await page.context().close()
  })
})
