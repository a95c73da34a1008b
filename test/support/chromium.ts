import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { serve } from 'lockgate/node'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'
import { freePort } from './free-port.ts'
import { type System, startSystem } from './system.ts'

export { launch, noChromium, signInAt } from './launch-chromium.ts'

/** A proxy that a real browser reaches over real HTTP, and a client that waits on a loopback port for its answer. */
export interface Site {
  readonly system: System
  readonly url: string
  /** Where the client waits. */
  readonly redirectUri: string
  /** The queries that the client was answered with. */
  readonly answers: URLSearchParams[]
  close(): Promise<void>
}

export async function startSite(options: Parameters<typeof startSystem>[0] = {}): Promise<Site> {
  const port = await freePort()
  const system = await startSystem({ url: `http://localhost:${port}`, ...options })
  const server = await serve(system.proxy, { port, hostname: 'localhost' })
  const answers: URLSearchParams[] = []
  const client = createServer((request, response) => {
    const url = new URL(request.url!, 'http://127.0.0.1')
    if (url.pathname === '/callback') answers.push(url.searchParams)
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>Client</title>Connected')
  })
  await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve))
  return {
    system,
    url: system.url,
    redirectUri: `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`,
    answers,
    async close() {
      client.closeAllConnections()
      client.close()
      await server.close(true)
      await system.close()
    },
  }
}

/** A page of a new browser profile, and what its console complained about on our pages. */
export interface Visit {
  readonly page: Page
  readonly complaints: string[]
}

export async function visit(
  browser: Browser,
  site: Site,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options)
  // The provider's own pages name a font that is elsewhere.
  await context.route(
    ({ hostname }) => !/^(localhost|127\.0\.0\.1)$/.test(hostname),
    (route) => route.abort(),
  )
  const complaints: string[] = []
  context.on('console', (message) => {
    const ours = (message.location().url || message.page()?.url() || '').startsWith(site.url)
    // That a refusal has a status of its own is no complaint.
    const status = /^Failed to load resource: the server responded with a status of 4\d\d/.test(
      message.text(),
    )
    if (ours && !status && ['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  context.on('weberror', (error) => {
    if (error.page()?.url().startsWith(site.url)) complaints.push(String(error.error()))
  })
  return { page: await context.newPage(), complaints }
}

const AXE = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

/** What axe-core finds, by rule and place. Nothing at all is expected, not only nothing serious. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const result = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[]
  }
  return result.violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join()}`,
  )
}

const FOLDER = new URL('../../test-output/pages/', import.meta.url).pathname

/** The ways in which people see a page. */
export const VIEWS = {
  light: { colorScheme: 'light', viewport: { width: 1024, height: 768 } },
  dark: { colorScheme: 'dark', viewport: { width: 1024, height: 768 } },
  narrow: { colorScheme: 'light', viewport: { width: 320, height: 640 } },
  'narrow-dark': { colorScheme: 'dark', viewport: { width: 320, height: 640 } },
} as const

/** Keeps a picture of the page in every view, and holds each to what a reader needs. */
export async function examine({ page, complaints }: Visit, name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  for (const [view, { colorScheme, viewport }] of Object.entries(VIEWS)) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    await page.screenshot({ path: join(FOLDER, `${name}-${view}.png`), fullPage: true })
    const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
    expect(wide, `${name}, ${view}: has to be scrolled sideways`).toBe(false)
    expect(await accessibilityFaults(page), `${name}, ${view}`).toEqual([])
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(VIEWS.light.viewport)
  expect(complaints).toEqual([])
}
