import type { ProxyOptions } from 'lockgate'
import { type NodeServer, serve } from 'lockgate/node'
import { asPage, asUrl, Browser, type Shown } from '../support/browser.ts'
import { type DocumentServer, startDocumentServer } from '../support/document-server.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider } from '../support/provider.ts'
import { type System, startSystem } from '../support/system.ts'

/** Where a proxy of the matrix lives, since clients build addresses from its URL. */
export type Place =
  | 'origin'
  | 'base path'
  | 'resource at the root'
  | 'loopback aliases'
  | 'client documents'
  | 'registration only'
  | 'registration only, base path'

/** A proxy that listens, with a real provider and a real MCP server behind it. */
export interface Gate {
  readonly place: Place
  readonly system: System
  /** Where clients publish what they are. */
  readonly documents: DocumentServer | undefined
  /** The address users type into their client. */
  readonly mcp: string
  close(): Promise<void>
}

/** The MCP server is shared: it knows nothing of who stands before it. */
export async function startGates(
  places: readonly Place[],
  start: () => Promise<{ url: string; close(): Promise<void> }> = startMcpServer,
): Promise<{ gates: readonly Gate[]; behind: string; close(): Promise<void> }> {
  const behind = await start()
  const gates = await Promise.all(places.map((place) => startGate(place, behind.url)))
  return {
    gates,
    behind: behind.url,
    async close() {
      await Promise.all([behind.close(), ...gates.map((gate) => gate.close())])
    },
  }
}

async function startGate(place: Place, behind: string): Promise<Gate> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const url = place.endsWith('base path') ? `${origin}/gate` : origin
  const atRoot = place === 'resource at the root'
  const options: Partial<ProxyOptions> = {
    url,
    mcp: atRoot ? { url: behind, path: '/' } : { url: behind, path: '/mcp' },
    ...(place === 'loopback aliases' && { redirectUris: { loopbackAliases: true } }),
    ...(place.startsWith('registration only') && { clientDocuments: { accept: false } }),
    ...(place === 'client documents' && { clientDocuments: { loopback: true } }),
  }
  const documents = place === 'client documents' ? await startDocumentServer() : undefined
  const system = await startSystem(options)
  const server: NodeServer = await serve(system.proxy, { port })
  return {
    place,
    system,
    documents,
    mcp: atRoot ? origin : `${url}/mcp`,
    async close() {
      await Promise.all([server.close(true), system.close(), documents?.close()])
    },
  }
}

/** Takes a browser from the address a client opened to the client's redirect URI. */
export async function walk(url: URL): Promise<URL> {
  const browser = new Browser()
  return approve(browser, asPage(await browser.open(url.href)), url.searchParams.get('redirect_uri')!)
}

/** From the consent page on: approve, sign in at the provider, come back. */
export async function approve(browser: Browser, consent: Shown, stopAt: string): Promise<URL> {
  const next = await browser.submit(consent, { decision: 'allow' }, { stopAt })
  return asUrl(typeof next === 'string' ? next : await signInAtProvider(browser, next, { stopAt }))
}
