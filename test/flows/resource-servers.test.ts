import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { requireBearerAuth as expressBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { requireBearerAuth } from '@modelcontextprotocol/server'
import express from 'express'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { type NodeServer, serve } from 'lockgate/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asPage, asUrl, Browser } from '../support/browser.ts'
import type { Walk } from '../support/client-v1.ts'
import { connectV2, SignedInClientV2 } from '../support/client-v2.ts'
import { freePort } from '../support/free-port.ts'
import { signInAtProvider } from '../support/provider.ts'
import { connect, refreshParams, type StartedSystem, startSystem, type Tokens } from '../support/system.ts'

/** Lockgate, and an MCP server elsewhere that clients reach without it. */
let system: StartedSystem
let server: NodeServer
let tools: Server
let resource: string

/** As the guide shows it: the SDK's verifier over a key set. */
const verifierOf = (keys: JWTVerifyGetKey) => ({
  async verifyAccessToken(token: string) {
    const { payload } = await jwtVerify(token, keys, {
      issuer: system.url,
      audience: resource,
      typ: 'at+jwt',
      algorithms: ['RS256'],
      currentDate: new Date(Date.now() + system.clock.ahead * 1000),
    })
    return {
      token,
      clientId: String(payload.client_id),
      scopes: String(payload.scope ?? '').split(' '),
      // The middleware compares it with the real time.
      expiresAt: payload.exp! - system.clock.ahead,
      resource: new URL(resource),
      extra: { user: payload.sub },
    }
  },
})

beforeAll(async () => {
  const port = await freePort()
  const app = express()
  tools = createServer(app)
  await new Promise<void>((resolve) => tools.listen(0, '127.0.0.1', resolve))
  resource = `http://localhost:${(tools.address() as AddressInfo).port}/mcp`
  system = await startSystem({
    url: `http://localhost:${port}`,
    scopes: { read: 'Read' },
    mcp: { external: true, resource, name: 'Tools elsewhere' },
  })
  server = await serve(system.proxy, { port })

  const metadata = await (await fetch(`${system.url}/.well-known/oauth-authorization-server`)).json()
  app.use(mcpAuthMetadataRouter({ oauthMetadata: metadata, resourceServerUrl: new URL(resource) }))
  // The clock of the tests runs ahead of the one by which the library waits between two fetches.
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 0 })
  const prm = new URL('/.well-known/oauth-protected-resource/mcp', resource).href
  app.use(
    '/mcp',
    expressBearerAuth({ verifier: verifierOf(keys), requiredScopes: ['read'], resourceMetadataUrl: prm }),
  )
  app.post('/mcp', express.json(), async (request, response) => {
    const mcp = new McpServer({ name: 'tools', version: '1.0.0' })
    mcp.registerTool('who', {}, async ({ authInfo }) => ({
      content: [{ type: 'text', text: `${authInfo?.extra?.user} with ${authInfo?.clientId}` }],
    }))
    const transport = new StreamableHTTPServerTransport()
    await mcp.connect(transport)
    await transport.handleRequest(request, response, request.body)
  })
})
afterAll(async () => {
  tools.closeAllConnections()
  await Promise.all([server.close(true), system.close(), new Promise((resolve) => tools.close(resolve))])
})

const walk: Walk = async (url) => {
  const browser = new Browser()
  const stopAt = url.searchParams.get('redirect_uri')!
  const consent = asPage(await browser.open(url.href))
  const login = asPage(await browser.submit(consent, { decision: 'allow' }, { stopAt }))
  return asUrl(await signInAtProvider(browser, login, { stopAt }))
}

test('a client of the MCP SDK signs in for a server elsewhere, which verifies the token by itself', async () => {
  const provider = new SignedInClientV2(walk)
  const { client } = await connectV2(resource, provider)
  const { content } = await client.callTool({ name: 'who', arguments: {} })
  expect(JSON.stringify(content)).toMatch(/[\w-]{22} with dcr-/)
  expect(provider.authorizations).toBe(1)
})

test('Lockgate has no address for such a server, and no metadata of it', async () => {
  expect((await fetch(`${system.url}/mcp`, { method: 'POST' })).status).toBe(404)
  expect((await fetch(`${system.url}/.well-known/oauth-protected-resource/mcp`)).status).toBe(404)
  expect((await fetch(`${system.url}/.well-known/oauth-protected-resource`)).status).toBe(404)
  expect(system.proxy.resources).toEqual([{ id: resource, name: 'Tools elsewhere' }])
})

test('no request fails while the key rotates: for jose, the SDK, Express, and a cache of an hour', async () => {
  const { client, tokens } = await connect(system)
  let current: Tokens = tokens
  const jwks = () => fetch(`${system.url}/jwks`).then((response) => response.json() as Promise<JSONWebKeySet>)
  // FastMCP keeps keys for an hour, and asks no sooner.
  let hourly = { keys: await jwks(), at: 0 }
  const remote = createRemoteJWKSet(new URL(`${system.url}/jwks`), { cooldownDuration: 0 })
  const fetchGate = requireBearerAuth({ verifier: verifierOf(remote), requiredScopes: ['read'] })
  const seen = new Set<string>()
  const failures: string[] = []
  const day = 86_400
  // The next key is published after 89 days, and signs after 90.
  const around = (moment: number) => Array.from({ length: 7 }, (_, index) => moment + (index - 3) * 1800)
  for (const ahead of [0, 25 * day, 50 * day, 75 * day, ...around(89 * day), ...around(90 * day), 92 * day]) {
    system.clock.ahead = ahead
    const response = await system.post('/token', refreshParams(client, current.refresh_token))
    const body = (await response.json()) as Tokens
    if (response.status !== 200) throw new Error(`refresh answered ${response.status}`)
    current = body
    if (ahead - hourly.at >= 3600) hourly = { keys: await jwks(), at: ahead }
    const token = current.access_token
    const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(hourly.keys), {
      currentDate: new Date(Date.now() + ahead * 1000),
    }).catch((error: unknown) => {
      failures.push(`hourly at ${ahead / day}: ${error}`)
      return { protectedHeader: { kid: '' } }
    })
    seen.add(protectedHeader.kid ?? '')
    const gated = await fetchGate(new Request(resource, { headers: { authorization: `Bearer ${token}` } }))
    if (gated instanceof Response) failures.push(`SDK at ${ahead / day}: ${gated.status}`)
    const called = await fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
    await called.text()
    if (called.status !== 200) failures.push(`Express at ${ahead / day}: ${called.status}`)
  }
  expect(failures).toEqual([])
  expect(seen.size, 'the key was replaced').toBe(2)
  expect((await jwks()).keys.map(({ kid }) => kid)).toEqual([[...seen].at(-1)])
  system.clock.ahead = 0
}, 60_000)
