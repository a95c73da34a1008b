import { OpenIdProviderDiscoveryMetadataSchema } from '@modelcontextprotocol/sdk/shared/auth.js'
import { afterEach, describe, expect, test } from 'vitest'
import {
  connect,
  guarded,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type Tokens,
} from '../support/system.ts'

let system: System
afterEach(() => system.close())

const json = async (path: string) => {
  const response = await system.call(path)
  expect(response.status, path).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  return (await response.json()) as Record<string, unknown>
}

test('the server metadata says what is enforced, and nothing else', async () => {
  system = await startSystem()
  const url = system.url
  const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
  expect(await json('/.well-known/oauth-authorization-server')).toEqual({
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    revocation_endpoint: `${url}/revoke`,
    registration_endpoint: `${url}/register`,
    client_id_metadata_document_supported: true,
    scopes_supported: ['mcp', 'offline_access'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: ['RS256', 'ES256', 'PS256', 'EdDSA'],
    revocation_endpoint_auth_signing_alg_values_supported: ['RS256', 'ES256', 'PS256', 'EdDSA'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  })
})

test('the resource metadata names the URL that clients type, at its own path and at the root', async () => {
  system = await startSystem({
    scopes: { read: 'Read', write: 'Write' },
    mcp: { url: 'http://127.0.0.1:1/a/mcp', scopes: ['read'] },
  })
  const expected = {
    resource: `${system.url}/a/mcp`,
    authorization_servers: [system.url],
    scopes_supported: ['read'],
    bearer_methods_supported: ['header'],
    resource_name: 'localhost:8787',
  }
  expect(await json('/.well-known/oauth-protected-resource/a/mcp')).toEqual(expected)
  expect(await json('/.well-known/oauth-protected-resource')).toEqual(expected)
})

test('every link of the chain names the issuer byte for byte', async () => {
  system = await startSystem({ url: 'http://localhost:8787/base/' })
  const challenge = (await system.call('http://localhost:8787/base/mcp', { method: 'POST' })).headers.get(
    'www-authenticate',
  )!
  const resourceUrl = /resource_metadata="([^"]+)"/.exec(challenge)![1]!
  expect(resourceUrl).toBe('http://localhost:8787/.well-known/oauth-protected-resource/base/mcp')
  const resource = await json(resourceUrl)
  expect(resource.resource).toBe('http://localhost:8787/base/mcp')
  const [issuer] = resource.authorization_servers as string[]
  expect(issuer).toBe('http://localhost:8787/base')
  const server = await json('http://localhost:8787/.well-known/oauth-authorization-server/base')
  expect(server.issuer).toBe(issuer)
  expect(server.token_endpoint).toBe('http://localhost:8787/base/token')
})

describe('below a path, the server’s metadata', () => {
  const root = 'http://localhost:8787/.well-known/oauth-authorization-server'

  test('is also at the root of the host, where some clients look only', async () => {
    system = await startSystem({ url: 'http://localhost:8787/base' })
    expect(await json(root)).toEqual(await json(`${root}/base`))
  })

  test('is not at the root if another server has its metadata there', async () => {
    system = await startSystem({ url: 'http://localhost:8787/base', discovery: { atRoot: false } })
    expect((await system.call(root)).status).toBe(404)
    expect((await system.call(`${root}/base`)).status).toBe(200)
  })
})

describe('a resource document', () => {
  const inserted = 'http://localhost:8787/.well-known/oauth-protected-resource'
  const challengeOf = async (url: string) => {
    const response = await system!.call(url, { method: 'POST' })
    return /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]
  }

  test.each(['/mcp', '/mcp/', '/mcp/sse', '/mcp/sse/', '/mcp/a/b%20c', '/mcp/admin', '/mcp/admin/x'])(
    'names the address that the client uses: %s',
    async (path) => {
      const handler = () => new Response('ok')
      system = await startSystem({
        mcp: [
          { path: '/mcp', handler },
          { path: '/mcp/admin', handler, name: 'Administration' },
        ],
      })
      expect(await challengeOf(path)).toBe(inserted + path)
      const document = await json(inserted + path)
      expect(document.resource).toBe(`http://localhost:8787${path}`)
      expect(document.resource_name === 'Administration').toBe(path.startsWith('/mcp/admin'))
    },
  )

  test('of the address that was asked for leads to a token for the resource', async () => {
    system = await startSystem()
    const resource = 'http://localhost:8787/mcp/sse'
    const client = await register(system)
    const signedIn = await signIn(system, client, { params: { resource } })
    const answer = await system.post('/token', { ...redeemParams(client, signedIn), resource })
    const tokens = (await answer.json()) as Tokens
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    for (const path of ['/mcp', '/mcp/', '/mcp/sse']) {
      expect((await system.call(path, { method: 'POST', headers })).status, path).toBe(200)
    }
    const renewed = await system.post('/token', { ...refreshParams(client, tokens.refresh_token), resource })
    expect(renewed.status).toBe(200)
  })

  test('of the root has its id without a slash, and paths below it with one', async () => {
    system = await startSystem({ mcp: [{ path: '/', handler: () => new Response('ok') }] })
    expect(await challengeOf('/')).toBe(inserted)
    expect((await json(inserted)).resource).toBe('http://localhost:8787')
    expect(await challengeOf('/sse')).toBe(`${inserted}/sse`)
    expect((await json(`${inserted}/sse`)).resource).toBe('http://localhost:8787/sse')
  })

  test('repeats no address with odd characters', async () => {
    system = await startSystem()
    expect((await json(`${inserted}/mcp/"x"`)).resource).toBe('http://localhost:8787/mcp/%22x%22')
    expect((await system.call(`${inserted}/mcp//x`)).status).toBe(400)
    expect((await json(`${inserted}/mcp/${'x'.repeat(600)}`)).resource).toBe('http://localhost:8787/mcp')
  })
})

describe('for an operator who owns only a path of the host, with discovery.belowPath,', () => {
  const below = { url: 'http://localhost:8787/base', discovery: { belowPath: true } }
  const at = (path: string) => `http://localhost:8787${path}`

  test.each([
    ['/base/mcp', '/mcp'],
    ['/base', '/'],
  ])('every document lies below that path, and a client finds each from %s', async (path, own) => {
    system = await startSystem({ ...below, mcp: [{ path: own, handler: () => new Response('ok') }] })
    const challenge = (await system.call(at(path), { method: 'POST' })).headers.get('www-authenticate')!
    const address = /resource_metadata="([^"]+)"/.exec(challenge)![1]!
    expect(address).toBe(at(`/base/.well-known/oauth-protected-resource${own === '/' ? '' : own}`))
    const resource = await json(address)
    expect(resource).toMatchObject({ resource: at(path), authorization_servers: [at('/base')] })
    const server = await json(at('/base/.well-known/oauth-authorization-server'))
    expect(server).toMatchObject({ issuer: at('/base'), token_endpoint: at('/base/token') })
    // The one address below the issuer that clients of the TypeScript SDK try.
    const openid = await json(at('/base/.well-known/openid-configuration'))
    expect(openid).toMatchObject(server)
    expect(() => OpenIdProviderDiscoveryMetadataSchema.parse(openid)).not.toThrow()
    expect(await json(openid.jwks_uri as string)).toEqual({ keys: [] })
    expect((await system.call(at('/base/token'), { method: 'POST' })).status).toBe(400)
  })

  test('a request outside that path is an event that says so', async () => {
    system = await startSystem(below)
    expect((await system.call(at('/mcp'), { method: 'POST' })).status).toBe(404)
    expect((await system.call(at('/based/mcp'))).status).toBe(404)
    expect(system.events).toMatchObject([
      { type: 'refused', code: 'not_found', reason: 'outside-url', endpoint: '/mcp' },
      { type: 'refused', code: 'not_found', reason: 'outside-url', endpoint: '/based/mcp' },
    ])
    expect((await system.call(at('/base/nothing'))).status).toBe(404)
    expect(system.events).toHaveLength(2)
  })
})

test('a challenge and the resource document name the scopes that a client needs at first', async () => {
  const scopes = { read: { description: 'Read', default: true }, use: 'Use', admin: 'Administer' }
  const handler = () => new Response('ok')
  system = await startSystem({
    scopes,
    mcp: [
      { path: '/mcp', handler },
      { path: '/strict', handler, scopes: ['use'] },
    ],
  })
  for (const [path, expected] of [
    ['/mcp', 'read'],
    ['/strict', 'use read'],
  ] as const) {
    const response = await system.call(path, { method: 'POST' })
    expect(response.headers.get('www-authenticate')).toContain(`scope="${expected}"`)
    const document = await json(`/.well-known/oauth-protected-resource${path}`)
    expect(document.scopes_supported).toEqual(expected.split(' '))
  }
  const server = await json('/.well-known/oauth-authorization-server')
  expect(server.scopes_supported).toEqual(['read', 'use', 'admin', 'offline_access'])
  const { tokens } = await connect(system)
  expect(tokens.scope).toBe('read')
})

test('public documents may be read by every origin, whether or not the request named one', async () => {
  system = await startSystem({ url: 'http://localhost:8787/base', discovery: { belowPath: true } })
  for (const path of [
    '/.well-known/oauth-authorization-server/base',
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-protected-resource/base/mcp',
    '/.well-known/oauth-protected-resource',
    '/base/.well-known/openid-configuration',
    '/base/.well-known/jwks.json',
    '/.well-known/nothing',
  ]) {
    for (const headers of [{}, { origin: 'https://client.example' }]) {
      const response = await system.call(`http://localhost:8787${path}`, { headers })
      expect(response.headers.get('access-control-allow-origin'), path).toBe('*')
    }
  }
})

test('what is not served is 404 in JSON, never a page or a redirect', async () => {
  system = await startSystem()
  for (const path of [
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/mcp',
    '/.well-known/oauth-authorization-server/mcp',
    '/.well-known/oauth-protected-resource/other',
    '/.well-known/oauth-protected-resource/mcp-other',
    '/.well-known/jwks.json',
    '/mcp-other',
    '/nothing',
  ]) {
    const response = await system.call(path)
    expect(response.status, path).toBe(404)
    expect(await response.json()).toHaveProperty('error')
  }
})

test('a forged Host or forwarding header changes nothing', async () => {
  system = await startSystem()
  const headers = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  }
  const plain = await (await system.call('/.well-known/oauth-authorization-server')).text()
  const forged = await (await system.call('/.well-known/oauth-authorization-server', { headers })).text()
  expect(forged).toBe(plain)
  const challenge = await system.call('/mcp', { method: 'POST', headers })
  expect(challenge.headers.get('www-authenticate')).not.toContain('evil')
})

test('HEAD has the headers of GET and no body, POST is 405 with Allow', async () => {
  system = await startSystem()
  const path = '/.well-known/oauth-authorization-server'
  const [get, head, post] = [
    await system.call(path),
    await system.call(path, { method: 'HEAD' }),
    await system.call(path, { method: 'POST' }),
  ]
  expect([...head.headers]).toEqual([...get.headers])
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  expect(get.headers.get('cache-control')).toBe('public, max-age=300')
})

test('without registration no endpoint is advertised, and none answers', async () => {
  system = await startSystem({ registration: 'off' })
  expect(await json('/.well-known/oauth-authorization-server')).not.toHaveProperty('registration_endpoint')
  expect((await system.call('/register', { method: 'POST', body: '{}' })).status).toBe(404)
})

test('browsers may call what programs call, and nothing else', async () => {
  system = await startSystem()
  const origin = 'http://localhost:6274'
  const asked = 'authorization, content-type, mcp-protocol-version'
  for (const path of [
    '/.well-known/oauth-authorization-server',
    '/.well-known/oauth-protected-resource/mcp',
    '/token',
    '/register',
    '/revoke',
    '/mcp',
  ]) {
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': asked,
    }
    const preflight = await system.call(path, { method: 'OPTIONS', headers })
    expect(preflight.status, path).toBe(204)
    expect([origin, '*']).toContain(preflight.headers.get('access-control-allow-origin'))
    const allowed = preflight.headers.get('access-control-allow-headers')!.toLowerCase()
    for (const name of asked.split(', ')) expect(allowed).toContain(name)
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
    const answer = await system.call(path, { method: 'POST', headers: { origin } })
    expect(answer.headers.get('access-control-allow-origin'), `${path} ${answer.status}`).not.toBeNull()
    expect(answer.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate')
    expect((await system.call(path, { method: 'POST' })).headers.has('access-control-allow-origin')).toBe(
      false,
    )
  }
  for (const path of ['/authorize', '/consent', '/callback']) {
    const answer = await system.call(path, { headers: { origin } })
    expect(answer.headers.has('access-control-allow-origin'), path).toBe(false)
  }
})

test('a page of another origin may not call the MCP server', async () => {
  system = await startSystem({ origins: ['https://friend.example'] })
  const status = async (origin: string) => (await guarded(system, 'x', { headers: { origin } })).status
  expect(await status('https://evil.example')).toBe(403)
  expect(await status('null')).toBe(403)
  expect(await status('http://localhost.evil.example')).toBe(403)
  for (const origin of [
    'https://friend.example',
    'http://localhost:6274',
    'http://127.0.0.1:3000',
    system.url,
  ]) {
    expect(await status(origin), origin).toBe(401)
  }
})
