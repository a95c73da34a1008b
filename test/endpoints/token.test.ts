import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  REDIRECT,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

let system: System
let client: TestClient

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read', write: 'Write' },
    clients: [{ clientId: 'conf%ig', clientSecret: 'secret with: + % & ü', redirectUris: [REDIRECT] }],
    grantTtl: 7200,
  })
  client = await register(system)
})
afterAll(() => system.close())

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

describe('the envelope', () => {
  test('a good answer has everything a client needs, and no cache keeps it', async () => {
    const signedIn = await signIn(system, client)
    const response = await system.post('/token', redeemParams(client, signedIn))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('pragma')).toBe('no-cache')
    expect(await response.json()).toEqual({
      access_token: expect.stringMatching(/^[\w-]{100,}$/),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'read write',
      refresh_token: expect.any(String),
    })
  })

  test.each([
    ['JSON', 'application/json', '{"grant_type":"refresh_token"}'],
    [
      'a type that only contains the form type',
      'text/x-application/x-www-form-urlencoded',
      'grant_type=refresh_token',
    ],
    ['nothing', '', ''],
    [
      'a repeated parameter',
      'application/x-www-form-urlencoded',
      'grant_type=refresh_token&grant_type=refresh_token',
    ],
    ['no grant_type', 'application/x-www-form-urlencoded; charset=utf-8', 'client_id=x'],
  ])('%s is invalid_request', async (_name, type, body) => {
    const response = await system.call('/token', { method: 'POST', headers: { 'content-type': type }, body })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await outcome(response)).toEqual([400, 'invalid_request'])
  })

  test('a body over the limit is 413, GET is 405', async () => {
    const large = await system.post('/token', { grant_type: 'x'.repeat(70_000) })
    expect(await outcome(large)).toEqual([413, 'invalid_request'])
    const get = await system.call('/token?grant_type=refresh_token')
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  })

  test.each(['password', 'client_credentials', '__proto__', 'toString', 'urn:x'])(
    '%s is no grant type',
    async (grant_type) => {
      expect(await outcome(await system.post('/token', { grant_type, client_id: client.id }))).toEqual([
        400,
        'unsupported_grant_type',
      ])
    },
  )
})

describe('who the client is', () => {
  const ask = (params: Record<string, string>, headers?: HeadersInit) =>
    system.post('/token', { grant_type: 'refresh_token', refresh_token: 'x', ...params }, headers)

  test('an unknown client and a wrong secret read alike', async () => {
    const secretive = await register(system, { token_endpoint_auth_method: 'client_secret_post' })
    const texts = [
      await (await ask({ client_id: 'unknown', client_secret: 'x' })).text(),
      await (await ask({ client_id: secretive.id, client_secret: 'x' })).text(),
      await (await ask({})).text(),
    ]
    expect(new Set(texts).size).toBe(1)
  })

  test('a challenge answers Basic, and only Basic', async () => {
    const wrong = await ask({}, basic('nobody', 'x'))
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic /)
    expect(await outcome(wrong)).toEqual([401, 'invalid_client'])
    const posted = await ask({ client_id: 'nobody', client_secret: 'x' })
    expect(posted.headers.get('www-authenticate')).toBeNull()
    expect(await outcome(posted)).toEqual([401, 'invalid_client'])
  })

  test.each(['Basic', 'basic !!!', `Basic ${btoa('no colon')}`, `Basic ${btoa(':x')}`])(
    '%s is invalid_client',
    async (authorization) => {
      expect((await outcome(await ask({}, { authorization })))[0]).toBe(401)
    },
  )

  test('two proofs are invalid_request', async () => {
    const answer = await ask({ client_secret: 'x' }, basic(client.id, 'x'))
    expect(await outcome(answer)).toEqual([400, 'invalid_request'])
  })

  test.each([
    ['basic', 'client_secret_basic'],
    ['post', 'client_secret_post'],
    ['post if basic is registered', 'client_secret_basic'],
    ['basic if post is registered', 'client_secret_post'],
  ])('a right secret is good by %s, a wrong or missing one is not', async (name, method) => {
    const own = await register(system, { token_endpoint_auth_method: method })
    const signedIn = await signIn(system, own)
    const { client_id, ...params } = redeemParams(own, signedIn)
    const asBasic = name.startsWith('basic')
    const send = (secret: string, useBasic: boolean) =>
      useBasic
        ? system.post('/token', params, basic(own.id, secret))
        : system.post('/token', { ...params, client_id, client_secret: secret })
    expect(await outcome(await send(`${own.secret}x`, asBasic))).toEqual([401, 'invalid_client'])
    const answer = await send(own.secret!, asBasic)
    expect(answer.status, 'the code is still good').toBe(200)
    const { refresh_token } = (await answer.json()) as Tokens
    const without = await system.post('/token', refreshParams(own, refresh_token))
    expect(await outcome(without)).toEqual([401, 'invalid_client'])
  })

  test('a public client has no secret to show', async () => {
    expect(await outcome(await ask({ client_id: client.id, client_secret: 'x' }))).toEqual([
      401,
      'invalid_client',
    ])
  })

  test('a configured client may encode its credentials or not', async () => {
    const [id, secret] = ['conf%ig', 'secret with: + % & ü']
    const encoded = basic(encodeURIComponent(id), encodeURIComponent(secret))
    for (const headers of [basic(id, secret), encoded]) {
      expect(await outcome(await ask({}, headers))).toEqual([400, 'invalid_grant'])
    }
    expect((await outcome(await ask({}, basic(id, `${secret}x`))))[1]).toBe('invalid_client')
  })

  test('a secret in the address is no secret', async () => {
    const answer = await system.post(`/token?client_id=${client.id}`, {
      grant_type: 'refresh_token',
      refresh_token: 'x',
    })
    expect(await outcome(answer)).toEqual([401, 'invalid_client'])
  })
})

describe('a code', () => {
  test.each([
    ['without verifier', { code_verifier: '' }, 'invalid_request'],
    ['with a wrong verifier', { code_verifier: 'w'.repeat(43) }, 'invalid_grant'],
    ['with a short verifier', { code_verifier: 'w'.repeat(42) }, 'invalid_grant'],
    ['with another redirect URI', { redirect_uri: REDIRECT.replace('5555', '5556') }, 'invalid_grant'],
    ['for another resource', { resource: 'https://other.example/mcp' }, 'invalid_target'],
    ['with another secret part', { code: 'altered' }, 'invalid_grant'],
    ['with no code at all', { code: '' }, 'invalid_request'],
    ['with garbage', { code: 'x.y.z' }, 'invalid_grant'],
  ])('%s is refused, and stays good for its owner', async (_name, change, error) => {
    const signedIn = await signIn(system, client)
    const params = { ...redeemParams(client, signedIn), ...change }
    if (params.code === 'altered') params.code = signedIn.code.slice(0, -27) + 'A'.repeat(27)
    expect(await outcome(await system.post('/token', params))).toEqual([400, error])
    expect((await system.post('/token', redeemParams(client, signedIn))).status).toBe(200)
  })

  test('works without redirect_uri, as OAuth 2.1 has it', async () => {
    const { redirect_uri: _, ...params } = redeemParams(client, await signIn(system, client))
    expect((await system.post('/token', params)).status).toBe(200)
  })

  test.each(['read', 'read write admin', 'unknown', 'malformed "scope"'])(
    'gives what the user approved, whatever scope comes with it: %s',
    async (scope) => {
      const params = { ...redeemParams(client, await signIn(system, client)), scope }
      const response = await system.post('/token', params)
      expect(((await response.json()) as Tokens).scope).toBe('read write')
    },
  )

  test('dies after a minute', async () => {
    const signedIn = await signIn(system, client)
    system.clock.ahead += 61
    expect(await outcome(await system.post('/token', redeemParams(client, signedIn)))).toEqual([
      400,
      'invalid_grant',
    ])
    system.clock.ahead = 0
  })
})

describe('a refresh token', () => {
  const refresh = (own: TestClient, token: string, params: Record<string, string> = {}) =>
    system.post('/token', { ...refreshParams(own, token), ...params })

  test('of another client is refused, and stays good for its owner', async () => {
    const { tokens } = await connect(system, { client })
    const other = await register(system)
    expect(await outcome(await refresh(other, tokens.refresh_token))).toEqual([400, 'invalid_grant'])
    expect((await refresh(client, tokens.refresh_token)).status).toBe(200)
  })

  test.each([
    ['another resource', { resource: 'https://other.example' }, 'invalid_target'],
    ['a scope of this server that was not granted', { scope: 'read write' }, 'invalid_scope', 'read'],
    ['nothing', { refresh_token: '' }, 'invalid_request'],
    ['garbage', { refresh_token: 'x' }, 'invalid_grant'],
    ['a forged generation', { refresh_token: 'forged' }, 'invalid_grant'],
  ])('with %s is refused, and nothing is rotated', async (_name, change, error, scope = 'read write') => {
    const { tokens } = await connect(system, { client, params: { scope } })
    const params = { ...change } as Record<string, string>
    if (params.refresh_token === 'forged') params.refresh_token = tokens.refresh_token.replace('.1.', '.2.')
    system.store.reset()
    expect(await outcome(await refresh(client, tokens.refresh_token, params))).toEqual([400, error])
    expect(system.store.writes).toBe(0)
    expect((await refresh(client, tokens.refresh_token)).status).toBe(200)
  })

  test.each([
    ['openid offline_access', 'read write offline_access'],
    ['offline_access', 'read write offline_access'],
    ['read unknown', 'read'],
    ['unknown', 'read write offline_access'],
  ])('drops what does not exist here, and is never left with nothing useful: %s', async (scope, given) => {
    const { tokens } = await connect(system, { client, params: { scope: 'read write offline_access' } })
    const answer = await refresh(client, tokens.refresh_token, { scope })
    expect(((await answer.json()) as Tokens).scope).toBe(given)
  })

  test('may narrow, and what was narrowed comes back', async () => {
    const { tokens } = await connect(system, { client })
    const narrow = (await (await refresh(client, tokens.refresh_token, { scope: 'read' })).json()) as Tokens
    expect(narrow.scope).toBe('read')
    const full = (await (await refresh(client, narrow.refresh_token)).json()) as Tokens
    expect(full.scope).toBe('read write')
  })

  test('is not given to who did not register for it', async () => {
    const once = await register(system, { grant_types: ['authorization_code'] })
    const { tokens } = await connect(system, { client: once, params: { scope: 'read offline_access' } })
    expect(tokens.refresh_token).toBeUndefined()
    expect(tokens.scope).toBe('read')
    expect(await outcome(await refresh(once, 'x'))).toEqual([400, 'unauthorized_client'])
  })

  test('ends by disuse, and at the latest with the grant', async () => {
    const { tokens } = await connect(system, { client })
    system.clock.ahead = 7000
    const later = (await (await refresh(client, tokens.refresh_token)).json()) as Tokens
    expect(later.expires_in).toBeLessThanOrEqual(200)
    system.clock.ahead = 7300
    expect(await outcome(await refresh(client, later.refresh_token))).toEqual([400, 'invalid_grant'])
    system.clock.ahead = 0
  })
})

describe('revoking', () => {
  const revoke = (params: Record<string, string>, headers?: HeadersInit) =>
    system.post('/revoke', params, headers)

  test('a refresh token ends the grant, here and at the provider', async () => {
    const { tokens } = await connect(system, { client })
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    const before = system.provider.requests.length
    const answer = await revoke({
      client_id: client.id,
      token: tokens.refresh_token,
      token_type_hint: 'access_token',
    })
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
    expect(await outcome(await system.post('/token', refreshParams(client, tokens.refresh_token)))).toEqual([
      400,
      'invalid_grant',
    ])
    await new Promise((resolve) => setTimeout(resolve, 100))
    const after = system.provider.requests.slice(before)
    expect(after.filter((line) => line === 'POST /token/revocation').length).toBeGreaterThanOrEqual(1)
  })

  test('an access token ends the access tokens and leaves the refresh token', async () => {
    const { tokens } = await connect(system, { client })
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    expect((await revoke({ client_id: client.id, token: tokens.access_token })).status).toBe(200)
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
    const next = (await (
      await system.post('/token', refreshParams(client, tokens.refresh_token))
    ).json()) as Tokens
    expect((await guarded(system, next.access_token)).status).toBe(200)
  })

  test('what is not one’s own, unknown or garbage is 200 without effect', async () => {
    const { tokens } = await connect(system, { client })
    const other = await register(system)
    for (const token of [
      tokens.refresh_token,
      tokens.access_token,
      'x',
      'a.b.c.d.e',
      `${'A'.repeat(22)}.${'A'.repeat(22)}.1.x`,
    ]) {
      expect((await revoke({ client_id: other.id, token })).status).toBe(200)
    }
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  })

  test('needs a token and the client’s own way of authenticating', async () => {
    const own = await register(system, { token_endpoint_auth_method: 'client_secret_basic' })
    expect(await outcome(await revoke({ client_id: client.id }))).toEqual([400, 'invalid_request'])
    expect(await outcome(await revoke({ token: 'x' }))).toEqual([401, 'invalid_client'])
    expect(await outcome(await revoke({ token: 'x', client_id: own.id }))).toEqual([401, 'invalid_client'])
    expect(await outcome(await revoke({ token: 'x' }, basic(own.id, 'wrong')))).toEqual([
      401,
      'invalid_client',
    ])
    expect((await revoke({ token: 'x' }, basic(own.id, own.secret!))).status).toBe(200)
  })

  test('by the operator ends the grant too', async () => {
    const { tokens } = await connect(system, { client, login: 'zoe' })
    const { user } = (await (await guarded(system, tokens.access_token)).json()) as { user: string }
    const [grant, ...others] = await system.proxy.grants.list(user)
    expect(others).toEqual([])
    expect(grant).toMatchObject({
      user,
      clientName: 'Test client',
      resource: system.mcp,
      scope: ['read', 'write'],
    })
    expect(await system.proxy.grants.revoke(grant!)).toBe(true)
    expect(await system.proxy.grants.revoke(grant!)).toBe(false)
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
  })
})
