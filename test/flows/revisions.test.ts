import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

/** One client per revision of the protocol, that knows what its revision says and nothing else. */
let system: System
beforeAll(async () => {
  system = await startSystem({ mcp: { path: '/mcp', scopes: ['mcp'], handler: () => Response.json({}) } })
})
afterAll(() => system.close())

const read = async (url: string) => {
  const response = await system.call(url)
  expect([url, response.status]).toEqual([url, 200])
  return (await response.json()) as Record<string, string & string[]>
}

const challenge = async () =>
  (await system.call('/mcp', { method: 'POST', body: '{}' })).headers.get('www-authenticate') ?? ''

const redeem = async (client: TestClient, params: Record<string, string>, extra: object = {}) => {
  const signedIn = await signIn(system, client, { params })
  const answer = await system.post('/token', { ...redeemParams(client, signedIn), ...extra })
  expect(answer.status).toBe(200)
  return { tokens: (await answer.json()) as Tokens, answer: signedIn.answer }
}

describe('a client of 2025-03-26', () => {
  test('finds the metadata at the origin of the server and gets in without naming a resource', async () => {
    const metadata = await read(`${new URL(system.mcp).origin}/.well-known/oauth-authorization-server`)
    for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'registration_endpoint']) {
      expect(metadata[endpoint]).toMatch(/^http:\/\/localhost:8787\//)
    }
    const { tokens } = await redeem(await register(system), {})
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
  })

  test('gets as far with the default paths, where it found no metadata', async () => {
    const client = await register(system)
    for (const path of ['/authorize', '/token', '/register']) {
      expect((await system.call(path, { method: 'OPTIONS' })).status, path).toBe(204)
    }
    const { tokens } = await redeem(client, {})
    const renewed = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(renewed.status).toBe(200)
  })
})

describe('a client of 2025-06-18', () => {
  test('follows the challenge to the resource, the resource to its server, and names the resource twice', async () => {
    const [, url] = /resource_metadata="([^"]+)"/.exec(await challenge()) ?? []
    const { resource, authorization_servers } = await read(url!)
    const metadata = await read(`${authorization_servers![0]}/.well-known/oauth-authorization-server`)
    expect(metadata.issuer).toBe(authorization_servers![0])
    const client = await register(system)
    const { tokens } = await redeem(client, { resource: resource! }, { resource })
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    const refresh = { ...refreshParams(client, tokens.refresh_token), resource: resource! }
    expect((await system.post('/token', refresh)).status).toBe(200)
  })

  test('that names another resource is told invalid_target, also with the code', async () => {
    const client = await register(system)
    const elsewhere = { resource: 'https://elsewhere.example/mcp' }
    const signedIn = await signIn(system, client)
    const answer = await system.post('/token', { ...redeemParams(client, signedIn), ...elsewhere })
    expect(await outcome(answer)).toEqual([400, 'invalid_target'])
  })
})

describe('a client of 2025-11-25', () => {
  test('finds the resource without a challenge, at its path or at the root', async () => {
    const atPath = await read('/.well-known/oauth-protected-resource/mcp')
    expect(atPath.resource).toBe(system.mcp)
    expect(await read('/.well-known/oauth-protected-resource')).toEqual(atPath)
  })

  test('goes on only where S256 is advertised, and asks for the scope of the challenge', async () => {
    const metadata = await read('/.well-known/oauth-authorization-server')
    expect(metadata.code_challenge_methods_supported).toEqual(['S256'])
    const [, scope] = / scope="([^"]+)"/.exec(await challenge()) ?? []
    const { tokens } = await redeem(await register(system), { scope: scope! })
    expect(tokens.scope).toBe(scope)
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
  })

  test('may use a document as its id exactly where the metadata says so', async () => {
    const supported = (await read('/.well-known/oauth-authorization-server'))
      .client_id_metadata_document_supported as unknown
    expect([true, undefined]).toContain(supported)
  })
})

describe('a client of 2026-07-28', () => {
  test('compares iss with the issuer in answers of both kinds, and finds it once', async () => {
    const { issuer, authorization_response_iss_parameter_supported: advertised } = await read(
      '/.well-known/oauth-authorization-server',
    )
    expect(advertised).toBe(true)
    const client = await register(system, { application_type: 'native' })
    const { answer } = await redeem(client, {})
    expect(answer.searchParams.getAll('iss')).toEqual([issuer])
    const { searchParams } = new URL(
      (await system.call(`/authorize?client_id=${client.id}&state=s`)).headers.get('location')!,
    )
    expect(searchParams.get('error')).toBe('invalid_request')
    expect([searchParams.getAll('iss'), searchParams.getAll('state')]).toEqual([[issuer], ['s']])
  })

  test('asks the server for offline_access, which neither the resource nor the challenge mentions', async () => {
    expect((await read('/.well-known/oauth-authorization-server')).scopes_supported).toContain(
      'offline_access',
    )
    expect((await read('/.well-known/oauth-protected-resource/mcp')).scopes_supported).toEqual(['mcp'])
    expect(await challenge()).not.toContain('offline_access')
    const client = await register(system)
    const { tokens } = await redeem(client, { scope: 'mcp offline_access', prompt: 'consent' })
    expect(tokens.scope.split(' ').sort()).toEqual(['mcp', 'offline_access'])
  })

  test('that is public gets another refresh token each time', async () => {
    const { client, tokens } = await connect(system)
    let { refresh_token: last } = tokens
    const seen = new Set([last])
    for (let round = 0; round < 3; round++) {
      const answer = await system.post('/token', refreshParams(client, last))
      last = ((await answer.json()) as Tokens).refresh_token
      seen.add(last)
    }
    expect(seen.size).toBe(4)
  })
})
