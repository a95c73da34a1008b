import { type NodeServer, serve } from 'lockgate/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import { connectV1, SignedInClient, type Walk } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { signInAtProvider } from '../support/provider.ts'
import { type System, startSystem } from '../support/system.ts'

/** Real clients over real HTTP: provider, proxy and MCP server each listen on a port. */
let system: System
let server: NodeServer
let mcp: Awaited<ReturnType<typeof startMcpServer>>

beforeAll(async () => {
  const port = await freePort()
  mcp = await startMcpServer()
  system = await startSystem({ url: `http://localhost:${port}`, mcp: mcp.url })
  server = await serve(system.proxy, { port })
})
afterAll(async () => {
  await Promise.all([server.close(true), mcp.close(), system.close()])
})

const walk: Walk = async (url) => {
  const browser = new Browser()
  const stopAt = url.searchParams.get('redirect_uri')!
  const consent = asPage(await browser.open(url.href))
  const login = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
  return asUrl(await signInAtProvider(browser, login, { stopAt }))
}

test('the client of the MCP SDK 1.x signs in, calls a tool, refreshes by itself, and signs in anew once revoked', async () => {
  const provider = new SignedInClient(walk)
  const { client } = await connectV1(system.mcp, provider)
  expect((await client.listTools()).tools.length).toBeGreaterThan(5)
  const result = await client.callTool({ name: 'echo', arguments: { message: 'one' } })
  expect(JSON.stringify(result.content)).toContain('Echo: one')

  const before = provider.saved!
  system.clock.ahead += 3601
  await client.callTool({ name: 'echo', arguments: { message: 'two' } })
  expect(provider.saved!.access_token).not.toBe(before.access_token)
  expect(provider.saved!.refresh_token).not.toBe(before.refresh_token)
  expect(provider.authorizations).toBe(1)

  const user = before.refresh_token!.split('.')[0]!
  for (const grant of await system.proxy.grants.list(user)) await system.proxy.grants.revoke(grant)
  await expect(client.callTool({ name: 'echo', arguments: { message: 'three' } })).rejects.toThrow()
  // The request signs in again. The stream of events may do so on its own, depending on which is first.
  expect(provider.authorizations, 'it went through a sign-in again').toBeGreaterThan(1)
})

test('the client of the MCP SDK 2.x signs in, calls a tool and refreshes by itself', async () => {
  const provider = new SignedInClientV2(walk)
  const { client } = await connectV2(system.mcp, provider)
  expect((await client.listTools()).tools.length).toBeGreaterThan(5)
  const result = await client.callTool({ name: 'echo', arguments: { message: 'one' } })
  expect(JSON.stringify(result.content)).toContain('Echo: one')
  const before = provider.saved!
  system.clock.ahead += 3601
  await client.callTool({ name: 'echo', arguments: { message: 'two' } })
  expect(provider.saved!.refresh_token).not.toBe(before.refresh_token)
  expect(provider.authorizations).toBe(1)
})
