import {
  Client,
  type CrossAppAccessContext,
  CrossAppAccessProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { createProxy, type ProxyOptions } from 'lockgate'
import { serve } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AssertionIssuer, ID_JAG, startAssertionIssuer } from '../support/assertion-issuer.ts'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { REDIRECT } from '../support/system.ts'

const SECRET = 'the secret of an enterprise client'

let idp: AssertionIssuer
let mcp: Awaited<ReturnType<typeof startMcpServer>>
beforeAll(async () => {
  ;[idp, mcp] = await Promise.all([startAssertionIssuer(), startMcpServer()])
})
afterAll(() => Promise.all([idp.close(), mcp.close()]))

async function startGate(changes: Partial<ProxyOptions> = {}) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const requests: string[] = []
  const proxy = createProxy({
    url,
    secret: 'a secret of the tests, long enough to be one',
    storage: memory(),
    upstream: oidc({ issuer: 'http://localhost:9', clientId: 'x', clientSecret: 'y' }),
    scopes: { read: 'Read', write: 'Write' },
    mcp: { path: '/mcp', url: mcp.url, scopes: ['read'] },
    clients: [{ clientId: 'claude', clientSecret: SECRET, redirectUris: [REDIRECT] }],
    trustedIssuers: [
      {
        issuer: idp.issuer,
        use: ['id-jag', 'workload'],
        rules: [{ name: 'job', match: { sub: 'job' }, scopes: ['read'] }],
      },
    ],
    on: {
      event: ({ type, endpoint, reason }) =>
        requests.push([type, endpoint, reason].filter(Boolean).join(' ')),
    },
    ...changes,
  })
  const listening = await serve(proxy, { port })
  return { url, requests, close: () => listening.close(true) }
}

const now = () => Math.floor(Date.now() / 1000)

/** An identity provider that lets a user have only some scopes. */
const policy =
  (allowed: readonly string[], asked: CrossAppAccessContext[]) => (context: CrossAppAccessContext) => {
    asked.push(context)
    const wanted = context.scope?.split(' ') ?? ['read']
    const claims = {
      iss: idp.issuer,
      sub: 'ann',
      aud: context.authorizationServerUrl,
      resource: context.resourceUrl,
      client_id: 'claude',
      jti: crypto.randomUUID(),
      iat: now(),
      exp: now() + 300,
      scope: wanted.filter((scope) => allowed.includes(scope)).join(' '),
    }
    return idp.sign(claims, ID_JAG)
  }

test('the client of the MCP SDK gets in by an assertion of its company, and no user is sent anywhere', async () => {
  const gate = await startGate()
  const asked: CrossAppAccessContext[] = []
  const authProvider = new CrossAppAccessProvider({
    clientId: 'claude',
    clientSecret: SECRET,
    assertion: policy(['read', 'write'], asked),
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(`${gate.url}/mcp`), { authProvider }))
    const result = await client.callTool({ name: 'echo', arguments: { message: 'by the company' } })
    expect(JSON.stringify(result.content)).toContain('by the company')
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ authorizationServerUrl: expect.stringContaining(gate.url) })
    expect(new URL(asked[0]!.authorizationServerUrl).href).toBe(new URL(gate.url).href)
  } finally {
    await client.close()
    await gate.close()
  }
})

test('a scope that the company refuses ends in 403, not in a page for the user', async () => {
  const gate = await startGate({ mcp: { path: '/mcp', url: mcp.url, scopes: ['read', 'write'] } })
  const asked: CrossAppAccessContext[] = []
  const authProvider = new CrossAppAccessProvider({
    clientId: 'claude',
    clientSecret: SECRET,
    assertion: policy(['read'], asked),
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  try {
    const transport = new StreamableHTTPClientTransport(new URL(`${gate.url}/mcp`), { authProvider })
    await expect(client.connect(transport)).rejects.toThrow()
    expect(asked.length).toBeGreaterThan(0)
    expect(gate.requests.filter((one) => one.includes('token-lacks-scope')).length).toBeGreaterThan(0)
    expect(gate.requests.some((one) => one.includes('/authorize'))).toBe(false)
  } finally {
    await client.close()
    await gate.close()
  }
})

test('the same client without a secret gets in by the token of a workload', async () => {
  const gate = await startGate()
  const authProvider = new CrossAppAccessProvider({
    clientId: 'a name that counts for nothing',
    clientSecret: undefined as unknown as string,
    assertion: ({ authorizationServerUrl }) => {
      const aud = authorizationServerUrl.replace(/\/$/, '')
      return idp.sign({ iss: idp.issuer, sub: 'job', aud, iat: now(), exp: now() + 300 })
    },
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(`${gate.url}/mcp`), { authProvider }))
    expect((await client.listTools()).tools.length).toBeGreaterThan(5)
  } finally {
    await client.close()
    await gate.close()
  }
})
