import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outcome, REDIRECT, type System, startSystem } from '../support/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem({ url: 'https://mcp.example.com' })
})
afterAll(() => system.close())

const post = (body: unknown, type = 'application/json') =>
  system.call('/register', {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

test('a public client gets an id, no secret, and its own metadata back', async () => {
  const response = await post({
    client_name: 'App',
    redirect_uris: [REDIRECT, 'cursor://anysphere.cursor-mcp/oauth/callback', 'https://vscode.dev/redirect'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:unknown'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    'client_name#ja': 'x',
    scope: 'mcp',
    client_uri: null,
  })
  expect([response.status, response.headers.get('cache-control')]).toEqual([201, 'no-store'])
  const body = (await response.json()) as Record<string, unknown>
  expect(body).toEqual({
    client_id: expect.stringMatching(/^[\w-]+$/),
    client_id_issued_at: expect.any(Number),
    client_name: 'App',
    redirect_uris: [REDIRECT, 'cursor://anysphere.cursor-mcp/oauth/callback', 'https://vscode.dev/redirect'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    scope: 'mcp',
  })
  expect(JSON.stringify(body)).not.toContain('null')
})

test('a client that names no method is public', async () => {
  const body = (await (await post({ redirect_uris: [REDIRECT] })).json()) as Record<string, unknown>
  expect(body).toMatchObject({
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  })
  expect(body).not.toHaveProperty('client_secret')
})

test('a client that asks for a method with a secret gets one', async () => {
  const body = (await (
    await post({ redirect_uris: [REDIRECT], token_endpoint_auth_method: 'client_secret_basic' })
  ).json()) as Record<string, unknown>
  expect(body).toMatchObject({
    client_secret: expect.stringMatching(/^[\w-]{43}$/),
    client_secret_expires_at: 0,
    token_endpoint_auth_method: 'client_secret_basic',
  })
})

test('a client that signs keeps its method and its public keys, and gets no secret', async () => {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }
  const response = await post({
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...key, use: 'sig', x5c: ['x'.repeat(3000)] }] },
  })
  expect(response.status).toBe(201)
  const body = (await response.json()) as Record<string, unknown>
  expect(body).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } })
  expect(body).not.toHaveProperty('client_secret')
  const metadata = await (await system.call('/.well-known/oauth-authorization-server')).json()
  expect(metadata).toMatchObject({
    token_endpoint_auth_methods_supported: expect.arrayContaining(['private_key_jwt']),
  })
})

test.each<[string, Record<string, unknown>, string]>([
  ['without keys', {}, 'jwks is missing, which private_key_jwt needs'],
  [
    'with the address of its keys',
    { jwks_uri: 'https://client.example/jwks' },
    'jwks_uri is not read at registrations: send the keys as jwks',
  ],
  ['with keys that are no set', { jwks: [] }, 'jwks must be a key set'],
])('a client that signs is refused %s', async (_what, members, problem) => {
  const response = await post({
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'private_key_jwt',
    ...members,
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toEqual({
    error: 'invalid_client_metadata',
    error_description: `The client metadata is invalid: ${problem}`,
  })
})

test('what nothing here uses, and a bad redirect URI next to a good one, lose no client', async () => {
  const response = await post({
    redirect_uris: ['javascript:alert(1)', REDIRECT, null],
    client_name: 'x'.repeat(10_000),
    logo_uri: 'javascript:alert(1)',
    scope: null,
    grant_types: null,
  })
  expect(response.status).toBe(201)
  expect(await response.json()).toMatchObject({ redirect_uris: [REDIRECT], client_name: 'x'.repeat(100) })
})

test('each registration is its own, and a client chooses no id', async () => {
  const ids = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const body = await (await post({ redirect_uris: [REDIRECT], client_id: 'mine' })).json()
      return (body as { client_id: string }).client_id
    }),
  )
  expect(new Set(ids).size).toBe(5)
  expect(ids).not.toContain('mine')
})

test.each([
  ['no redirect URIs', { client_name: 'x' }, 'invalid_redirect_uri'],
  [
    'eleven of them',
    { redirect_uris: Array.from({ length: 11 }, (_, n) => `https://a.example/${n}`) },
    'invalid_redirect_uri',
  ],
  ['http on another machine', { redirect_uris: ['http://app.example/cb'] }, 'invalid_redirect_uri'],
  ['a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
  [
    'this server’s own callback',
    { redirect_uris: ['https://mcp.example.com/callback'] },
    'invalid_redirect_uri',
  ],
  [
    'a name that is no text',
    { redirect_uris: [REDIRECT], client_name: { en: 'x' } },
    'invalid_client_metadata',
  ],
  [
    'the implicit grant alone',
    { redirect_uris: [REDIRECT], grant_types: ['implicit'] },
    'invalid_client_metadata',
  ],
  ['an array', [], 'invalid_client_metadata'],
  ['broken JSON', '{', 'invalid_client_metadata'],
  [
    'ids too long for an address',
    { redirect_uris: [`https://a.example/${'x'.repeat(2000)}`, `https://b.example/${'y'.repeat(2000)}`] },
    'invalid_client_metadata',
  ],
])('%s is refused', async (_name, body, error) => {
  expect(await outcome(await post(body))).toEqual([400, error])
})

test('a body over the limit is 413, another type 400, GET 405', async () => {
  expect(await outcome(await post({ redirect_uris: [REDIRECT], x: 'x'.repeat(17_000) }))).toEqual([
    413,
    'invalid_request',
  ])
  expect(await outcome(await post('redirect_uris=x', 'application/x-www-form-urlencoded'))).toEqual([
    400,
    'invalid_client_metadata',
  ])
  expect((await system.call('/register')).status).toBe(405)
})

test('a registration ends with its time, where one is set', async () => {
  const limited = await startSystem({ registrationTtl: 60 })
  const response = await limited.call('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [REDIRECT], token_endpoint_auth_method: 'client_secret_post' }),
  })
  const { client_id, client_secret, client_secret_expires_at, client_id_issued_at } =
    (await response.json()) as {
      client_id: string
      client_secret: string
      client_secret_expires_at: number
      client_id_issued_at: number
    }
  expect(client_secret_expires_at).toBe(client_id_issued_at + 60)
  const params = { grant_type: 'refresh_token', refresh_token: 'x', client_id, client_secret }
  limited.clock.ahead = 59
  expect((await outcome(await limited.post('/token', params)))[1]).not.toBe('invalid_client')
  limited.clock.ahead = 61
  expect(await outcome(await limited.post('/token', params))).toEqual([401, 'invalid_client'])
  await limited.close()
})
