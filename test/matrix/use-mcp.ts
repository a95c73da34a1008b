import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { launch, noChromium, signInAt } from '../support/launch-chromium.ts'
import type { Gate } from './gate.ts'
import { missingLibraries } from './libraries.ts'
import { check } from './program.ts'

export const missingForPages: string | undefined = missingLibraries ?? noChromium

/** The smallest page that uses it. The other page is where its popup comes back to. */
const PAGE = `
  import { createElement } from 'react'
  import { createRoot } from 'react-dom/client'
  import { onMcpAuthorization } from 'use-mcp'
  import { useMcp } from 'use-mcp/react'

  function Status({ url }) {
    const mcp = useMcp({ url, clientName: 'A page', transportType: 'http', autoReconnect: false })
    globalThis.mcp = mcp
    return createElement('p', { id: mcp.state }, mcp.error ?? mcp.state)
  }
  if (location.pathname === '/oauth/callback') onMcpAuthorization()
  else createRoot(document.querySelector('main')).render(
    createElement(Status, { url: new URLSearchParams(location.search).get('mcp') }),
  )`

async function startPages(): Promise<{ url: string; close(): void }> {
  const { outputFiles } = await build({
    stdin: { contents: PAGE, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    write: false,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  })
  const script = outputFiles[0]!.text
  const server = createServer(({ url }, response) => {
    const isScript = url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(
      isScript ? script : '<!doctype html><body><main></main><script type="module" src="/page.js"></script>',
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Calls a tool by what the page holds. @returns The text of the result. */
const callEcho = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const { mcp } = globalThis as unknown as {
      mcp: { callTool(name: string, args: object): Promise<{ content: { text: string }[] }> }
    }
    return (await mcp.callTool('echo', { message: 'from a page' })).content[0]!.text
  })

/** Signs in by its own popup in Chromium, lists tools and calls one, then once more with a renewed token. */
export async function playUseMcp(gate: Gate): Promise<void> {
  const [browser, pages] = await Promise.all([launch(), startPages()])
  try {
    const context = await browser.newContext()
    // The provider's own pages name a font that is elsewhere.
    await context.route(
      ({ hostname }) => !/^(localhost|127\.0\.0\.1)$/.test(hostname),
      (route) => route.abort(),
    )
    const page = await context.newPage()
    const popups: Page[] = []
    context.on('page', (one) => popups.push(one))
    await page.goto(`${pages.url}/?mcp=${encodeURIComponent(gate.mcp)}`)
    for (let tries = 0; popups.length === 0 && tries < 300; tries++) await page.waitForTimeout(50)
    const popup = check(popups[0], 'it opens a popup')
    await popup.click('button[value=allow]')
    await signInAt(popup)
    await page.waitForSelector('#ready, #failed', { timeout: 30_000 })
    check(await page.$('#ready'), `it is ready: ${await page.textContent('main')}`)
    check(popup.isClosed(), 'its popup has closed itself')
    const tools = await page.evaluate(
      () => (globalThis as unknown as { mcp: { tools: unknown[] } }).mcp.tools.length,
    )
    check(tools > 5, 'the tools are listed')
    check((await callEcho(page)).includes('from a page'), 'a tool is called')
    const refreshes = () => gate.system.events.filter(({ type }) => type === 'refreshed').length
    const before = refreshes()
    gate.system.clock.ahead += 3601
    check((await callEcho(page)).includes('from a page'), 'a tool is called again')
    check(refreshes() > before, 'it refreshed its token')
    check(popups.length === 1, 'no second sign-in is needed')
  } finally {
    await browser.close()
    pages.close()
  }
}
