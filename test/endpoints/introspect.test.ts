import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, outcome, refreshParams, type StartedSystem, startSystem } from '../support/system.ts'

const SECRET = 'the secret of a resource server, long enough'
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }
const client = {
  clientId: 'app',
  clientSecret: 'the secret of a client of MCP',
  redirectUris: [],
  scopes: ['read'],
  clientCredentials: true,
}

let system: StartedSystem

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read' },
    clients: [client],
    mcp: [
      { path: '/mcp', handler: () => new Response('sealed') },
      { path: '/signed', handler: () => new Response('signed'), accessToken: { format: 'jwt' } },
    ],
    resourceServers: [
      {
        id: 'tools',
        secret: SECRET,
        resources: ['http://localhost:8787/mcp', 'http://localhost:8787/signed'],
      },
      {
        id: 'other',
        secret: `another ${SECRET}`,
        resources: ['http://localhost:8787/signed'],
        claims: ['email'],
      },
      { id: 'signing', jwks, resources: ['http://localhost:8787/mcp/'] },
    ],
  })
})
afterAll(() => system.close())
beforeEach(() => {
  system.clock.ahead = 0
})

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

const ask = (
  token: string | undefined,
  authorization = basic('tools', SECRET),
  more: Record<string, string> = {},
) => system.post('/introspect', { ...(token !== undefined && { token }), ...more }, { authorization })

const answer = async (...given: Parameters<typeof ask>) => {
  const response = await ask(...given)
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  return (await response.json()) as Record<string, unknown>
}

const refreshed = async (found: Awaited<ReturnType<typeof connect>>) =>
  (await (await system.post('/token', refreshParams(found.client, found.tokens.refresh_token))).json()) as {
    access_token: string
    refresh_token: string
  }

describe('introspection', () => {
  test.each([
    ['a sealed token', '/mcp'],
    ['a signed token', '/signed'],
  ])('of %s tells what is in it, to the server that it is for', async (_name, path) => {
    const { tokens } = await connect(system, { params: { resource: system.url + path } })
    const about = await answer(tokens.access_token)
    expect(about).toEqual({
      active: true,
      iss: system.url,
      aud: system.url + path,
      sub: expect.stringMatching(/^[\w-]{22}$/),
      client_id: expect.stringMatching(/^dcr-/),
      scope: 'read',
      token_type: 'Bearer',
      iat: expect.any(Number),
      exp: (about.iat as number) + tokens.expires_in,
      jti: expect.any(String),
    })
    if (path !== '/signed') return
    const claims = decodeJwt(tokens.access_token)
    for (const name of ['iss', 'aud', 'sub', 'client_id', 'scope', 'iat', 'exp', 'jti'] as const)
      expect(about[name], name).toBe(claims[name])
    expect(await answer(tokens.access_token, basic('other', `another ${SECRET}`))).toMatchObject({
      active: true,
      email: 'ada@example.com',
    })
  })

  test('answers alike for everything that is not a living access token for the caller', async () => {
    const found = await connect(system)
    const foreign = basic('other', `another ${SECRET}`)
    const { access_token: signed } = (await connect(system, { params: { resource: `${system.url}/signed` } }))
      .tokens
    const [header, body] = signed.split('.')
    for (const [token, authorization] of [
      [found.tokens.access_token, foreign],
      [found.tokens.refresh_token],
      [found.signedIn.code],
      ['x'],
      ['x'.repeat(60_000)],
      ['a.b.c'],
      ['..'],
      [`${header}.${body}.`],
      [`${header}.${body}.AAAA`],
      [`${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`],
      [`${signed}=`],
      ['\u0000'],
    ] as const) {
      expect(await answer(token, authorization), token.slice(0, 40)).toEqual({ active: false })
    }
  })

  test('knows at once that a token was revoked, that its grant has ended, or that it has expired', async () => {
    const found = await connect(system, { params: { resource: `${system.url}/signed` } })
    // Another instance revokes, so that no cache of this one is told.
    const other = system.another()
    expect((await answer(found.tokens.access_token)).active).toBe(true)
    await other.post('/revoke', { client_id: found.client.id, token: found.tokens.access_token })
    expect(await answer(found.tokens.access_token)).toEqual({ active: false })
    const next = await refreshed(found)
    expect((await answer(next.access_token)).active).toBe(true)
    await other.post('/revoke', { client_id: found.client.id, token: next.refresh_token })
    expect(await answer(next.access_token)).toEqual({ active: false })
    const sealed = await connect(system)
    system.clock.ahead = 3601
    expect(await answer(sealed.tokens.access_token)).toEqual({ active: false })
  })

  test('is only for servers that prove their identity, and no client of MCP is one', async () => {
    const { tokens } = await connect(system)
    const refused = [
      await system.post('/introspect', { token: tokens.access_token }),
      await ask(tokens.access_token, basic('tools', 'wrong')),
      await ask(tokens.access_token, basic('nobody', SECRET)),
      await ask(tokens.access_token, basic('app', client.clientSecret)),
      await ask(tokens.access_token, `Bearer ${tokens.access_token}`),
      await system.post('/introspect', { token: tokens.access_token, client_id: 'tools' }),
      await system.post('/introspect', {
        token: tokens.access_token,
        client_id: 'tools',
        client_secret: SECRET,
      }),
      await system.post('/introspect', {
        token: tokens.access_token,
        client_id: client.clientId,
        client_secret: client.clientSecret,
      }),
    ]
    for (const [index, one] of refused.entries())
      expect(await outcome(one), `case ${index}`).toEqual([401, 'invalid_client'])
    expect((await ask(tokens.access_token, basic('tools', 'wrong'))).headers.get('www-authenticate')).toMatch(
      /^Basic /,
    )
  })

  test('accepts a signed assertion of a server, once', async () => {
    const { tokens } = await connect(system)
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('signing')
      .setSubject('signing')
      .setAudience(system.url)
      .setJti(crypto.randomUUID())
      .setExpirationTime('1m')
      .sign(privateKey)
    const params = {
      token: tokens.access_token,
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    const first = await system.post('/introspect', params)
    expect([first.status, ((await first.json()) as { active: boolean }).active]).toEqual([200, true])
    expect(await outcome(await system.post('/introspect', params))).toEqual([401, 'invalid_client'])
  })

  test('is POST with a form, and a token', async () => {
    const get = await system.call('/introspect?token=x', {
      headers: { authorization: basic('tools', SECRET) },
    })
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    expect(await outcome(await ask(undefined))).toEqual([400, 'invalid_request'])
    expect(await outcome(await ask(''))).toEqual([400, 'invalid_request'])
  })

  test('is in the metadata with its methods, and never without authentication', async () => {
    const metadata = await (await system.call('/.well-known/oauth-authorization-server')).json()
    expect(metadata).toMatchObject({
      introspection_endpoint: `${system.url}/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
    })
  })

  test('is limited for a caller that guesses', async () => {
    const own = system.another({ limits: { failures: 3 }, clientAddress: () => '192.0.2.7' })
    const guess = () =>
      own.post('/introspect', { token: 'x' }, { authorization: basic('tools', 'a wrong one') })
    const statuses: number[] = []
    for (let tries = 0; tries < 6; tries++) statuses.push((await guess()).status)
    expect(statuses.slice(0, 3)).toEqual([401, 401, 401])
    expect(statuses.at(-1)).toBe(429)
  })
})
