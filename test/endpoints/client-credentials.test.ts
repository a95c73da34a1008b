import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { ConfigError, type ProxyOptions } from 'lockgate'
import { serve } from 'lockgate/node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import {
  authorizeUrl,
  guarded,
  outcome,
  REDIRECT,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

const SECRET = 'the secret of a nightly job'
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const job = {
  clientId: 'nightly',
  clientSecret: SECRET,
  redirectUris: [],
  scopes: ['read'],
  clientCredentials: true,
}
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }
const clients = [
  job,
  { clientId: 'signing', jwks, redirectUris: [], scopes: ['read', 'write'], clientCredentials: true },
  { clientId: 'people', clientSecret: SECRET, redirectUris: [REDIRECT], scopes: ['read'] },
]

let system: StartedSystem

beforeAll(async () => {
  system = await startSystem({ scopes: { read: 'Read', write: 'Write' }, clients, revocationLag: 0 })
})
afterAll(() => system.close())
beforeEach(() => {
  system.clock.ahead = 0
  system.events.length = 0
})

const ask = (params: Record<string, string> = {}, at: StartedSystem = system) =>
  at.post('/token', {
    grant_type: 'client_credentials',
    client_id: 'nightly',
    client_secret: SECRET,
    ...params,
  })

interface Answer {
  readonly access_token: string
  readonly expires_in: number
  readonly scope: string
  readonly refresh_token?: string
}

async function tokenOf(response: Response): Promise<Answer> {
  expect(response.status, await response.clone().text()).toBe(200)
  return response.json()
}

describe('a configured client gets a token for itself', () => {
  test('for its scopes, without a refresh token, and is a user of its own', async () => {
    const answer = await tokenOf(await ask())
    expect(answer).toMatchObject({ scope: 'read', token_type: 'Bearer', expires_in: 3600 })
    expect(answer).not.toHaveProperty('refresh_token')
    const told = (await (await guarded(system, answer.access_token)).json()) as {
      user: string
      client: string
    }
    expect(told).toMatchObject({ client: 'nightly', scopes: ['read'] })
    const again = await tokenOf(await ask())
    const same = (await (await guarded(system, again.access_token)).json()) as { user: string }
    expect(same.user).toBe(told.user)
    expect(system.events.map(({ type }) => type)).toEqual(['issued', 'forwarded', 'issued', 'forwarded'])
  })

  test('with one write, and nothing is asked of the provider', async () => {
    const asked = system.provider.requests.length
    system.store.reset()
    await tokenOf(await ask())
    expect(system.store.writes).toBe(1)
    expect(system.provider.requests.length).toBe(asked)
  })

  test('with a key instead of a secret', async () => {
    const now = Math.floor(Date.now() / 1000)
    const assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('signing')
      .setSubject('signing')
      .setAudience(system.url)
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(privateKey)
    const response = await system.post('/token', {
      grant_type: 'client_credentials',
      client_id: 'signing',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope: 'write',
    })
    expect((await tokenOf(response)).scope).toBe('write')
  })

  test('which ends with its time, and before when it is revoked', async () => {
    const { access_token: token } = await tokenOf(await ask())
    system.clock.ahead = 3601
    expect((await guarded(system, token)).status).toBe(401)
    system.clock.ahead = 0
    const other = await tokenOf(await ask())
    const revoked = { client_id: 'nightly', client_secret: SECRET, token: other.access_token }
    expect((await system.post('/revoke', revoked)).status).toBe(200)
    expect((await guarded(system, other.access_token)).status).toBe(401)
  })

  test('which the operator sees and ends; the provider is not bothered with it', async () => {
    const { access_token: token } = await tokenOf(await ask())
    const { user } = (await (await guarded(system, token)).json()) as { user: string }
    const grants = await system.proxy.grants.list(user)
    expect(grants.length).toBeGreaterThan(0)
    const asked = system.provider.requests.length
    for (const { id } of grants) expect(await system.proxy.grants.revoke({ user, id })).toBe(true)
    expect((await guarded(system, token)).status).toBe(401)
    expect(system.provider.requests.length).toBe(asked)
  })

  test('and has no token of the provider', async () => {
    const mcp: ProxyOptions['mcp'] = async (_request, { upstream }) =>
      new Response(await upstream.accessToken())
    const other = system.another({ mcp })
    const { access_token: token } = await tokenOf(await ask({}, other))
    expect(await outcome(await guarded(other, token))).toEqual([403, 'access_denied'])
  })
})

describe('it is refused', () => {
  test.each<[string, Record<string, string>, number, string]>([
    ['more than its scopes', { scope: 'read write' }, 400, 'invalid_scope'],
    ['a server there is none of', { resource: 'https://elsewhere.example/mcp' }, 400, 'invalid_target'],
    ['with a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['without one', { client_secret: '' }, 401, 'invalid_client'],
    ['for a client that was not told it may', { client_id: 'people' }, 400, 'unauthorized_client'],
  ])('%s', async (_name, params, status, code) => {
    system.store.reset()
    expect(await outcome(await ask(params))).toEqual([status, code])
    expect(system.store.writes).toBe(0)
  })

  test('for clients that registered themselves', async () => {
    const registered = await system.call('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: [REDIRECT],
        grant_types: ['authorization_code', 'client_credentials'],
        token_endpoint_auth_method: 'client_secret_post',
      }),
    })
    const { client_id, client_secret } = (await registered.json()) as Record<string, string>
    const response = await ask({ client_id: client_id!, client_secret: client_secret! })
    expect(await outcome(response)).toEqual([400, 'unauthorized_client'])
  })

  test('such a client sends nobody to the consent page', async () => {
    const response = await system.call(
      authorizeUrl(system, { id: 'nightly', secret: undefined, redirectUri: REDIRECT }),
    )
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
  })

  test.each([
    ['without scopes', { clientId: 'a', clientSecret: SECRET, redirectUris: [], clientCredentials: true }],
    ['without a proof', { clientId: 'a', redirectUris: [], scopes: ['read'], clientCredentials: true }],
    ['for people, without a place to go', { clientId: 'a', clientSecret: SECRET, redirectUris: [] }],
  ])('as an option: %s', (_name, client) => {
    expect(() => system.another({ clients: [client] })).toThrow(ConfigError)
  })
})

test('the metadata names the grant only where some client may use it', async () => {
  const grants = async (at: StartedSystem) => {
    const response = await at.call('/.well-known/oauth-authorization-server')
    return ((await response.json()) as { grant_types_supported: string[] }).grant_types_supported
  }
  expect(await grants(system)).toContain('client_credentials')
  expect(await grants(system.another({ clients: [] }))).not.toContain('client_credentials')
})

test('the client of the MCP SDK gets in by itself and calls a tool', async () => {
  const [port, server] = [await freePort(), await startMcpServer()]
  const url = `http://localhost:${port}`
  const own = await startSystem({ url, mcp: server.url, scopes: { read: 'Read' }, clients: [job] })
  const listening = await serve(own.proxy, { port })
  const authProvider = new ClientCredentialsProvider({
    clientId: 'nightly',
    clientSecret: SECRET,
    expectedIssuer: url,
  })
  const client = new Client({ name: 'nightly', version: '1' })
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { authProvider }))
    const result = await client.callTool({ name: 'echo', arguments: { message: 'by night' } })
    expect(JSON.stringify(result.content)).toContain('by night')
  } finally {
    await client.close()
    await listening.close(true)
    await Promise.all([own.close(), server.close()])
  }
})
