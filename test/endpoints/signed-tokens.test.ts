import { discoverAuthorizationServerMetadata } from '@modelcontextprotocol/client'
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  jwtVerify,
  SignJWT,
} from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { createSigner } from '../../src/signing/signer.ts'
import { storedKeys } from '../../src/signing/stored-keys.ts'
import { asPage, asUrl } from '../support/browser.ts'
import {
  authorizeUrl,
  challengeOf,
  connect,
  guarded,
  newVerifier,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

const job = {
  clientId: 'nightly',
  clientSecret: 'the secret of a nightly job',
  redirectUris: [],
  scopes: ['read'],
  clientCredentials: true,
}

let system: StartedSystem

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read' },
    clients: [job],
    revocationLag: 0,
    mcp: [
      {
        path: '/mcp',
        handler: (_, auth) => Response.json(auth.user),
        accessToken: { format: 'jwt', claims: ['email'] },
      },
      { path: '/other', handler: () => new Response('other'), accessToken: { format: 'jwt' } },
      { path: '/sealed', handler: () => new Response('sealed') },
    ],
  })
})
afterAll(() => system.close())
beforeEach(() => {
  system.clock.ahead = 0
  system.events.length = 0
})

const keys = async (at: StartedSystem = system) => (await (await at.call('/jwks')).json()) as JSONWebKeySet

const at = (path: string, token: string) =>
  system.call(path, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } })

describe('an access token in JWT form', () => {
  test('is what RFC 9068 describes, and a resource server verifies it with the published keys', async () => {
    const { tokens, client } = await connect(system)
    expect(tokens.expires_in).toBe(600)
    const { payload, protectedHeader } = await jwtVerify(
      tokens.access_token,
      createLocalJWKSet(await keys()),
      {
        issuer: system.url,
        audience: system.mcp,
        typ: 'at+jwt',
        algorithms: ['RS256'],
      },
    )
    expect(Object.keys(protectedHeader).sort()).toEqual(['alg', 'kid', 'typ'])
    expect(payload).toEqual({
      iss: system.url,
      aud: system.mcp,
      sub: expect.stringMatching(/^[\w-]{22}$/),
      client_id: expect.stringMatching(/^dcr-/),
      scope: 'read',
      iat: expect.any(Number),
      exp: payload.iat! + 600,
      jti: expect.any(String),
      gid: expect.any(String),
      epoch: 0,
      email: 'ada@example.com',
    })
    expect(client.id).not.toBe(payload.client_id)
    const user = (await (await guarded(system, tokens.access_token)).json()) as { id: string }
    expect(payload.sub).toBe(user.id)
  })

  test('is none with a space in it, which decoders skip', async () => {
    const { tokens } = await connect(system)
    for (const place of [/.{4}$/, /\./, /^.{4}/]) {
      const spaced = tokens.access_token.replace(place, (part) =>
        place.source.startsWith('^') ? `${part}    ` : `    ${part}`,
      )
      expect([String(place), (await at('/mcp', spaced)).status]).toEqual([String(place), 401])
    }
    expect((await at('/mcp', `   ${tokens.access_token}`)).status).toBe(200)
  })

  test('of a client for itself names a subject that is no person', async () => {
    const response = await system.post('/token', {
      grant_type: 'client_credentials',
      client_id: job.clientId,
      client_secret: job.clientSecret,
    })
    const { access_token: token } = (await response.json()) as { access_token: string }
    const { sub, client_id: client, email } = decodeJwt(token)
    const person = decodeJwt((await connect(system)).tokens.access_token).sub
    expect([client, email]).toEqual(['nightly', undefined])
    expect(sub).not.toBe(person)
    expect(((await (await guarded(system, token)).json()) as { id: string }).id).toBe(sub)
  })

  test('is refused at every other server, and a server with sealed tokens accepts none', async () => {
    const { tokens } = await connect(system)
    expect((await at('/mcp', tokens.access_token)).status).toBe(200)
    expect(await outcome(await at('/other', tokens.access_token))).toEqual([401, 'invalid_token'])
    expect(await outcome(await at('/sealed', tokens.access_token))).toEqual([401, 'invalid_token'])
  })

  test('stops working with its grant, at its expiry, and when the client revokes it', async () => {
    const { tokens, client } = await connect(system)
    system.clock.ahead = 599
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    system.clock.ahead = 601
    expect(await outcome(await guarded(system, tokens.access_token))).toEqual([401, 'invalid_token'])
    const refreshed = await system.post('/token', refreshParams(client, tokens.refresh_token))
    const { access_token: next } = (await refreshed.json()) as { access_token: string }
    expect((await guarded(system, next)).status).toBe(200)
    await system.post('/revoke', { client_id: client.id, token: next })
    expect(await outcome(await guarded(system, next))).toEqual([401, 'invalid_token'])
    const { access_token: third } = (await (
      await system.post('/token', refreshParams(client, tokens.refresh_token))
    ).json()) as { access_token: string }
    const [user = '', id = ''] = tokens.refresh_token.split('.')
    expect((await guarded(system, third)).status).toBe(200)
    await system.proxy.grants.revoke({ user, id })
    expect(await outcome(await guarded(system, third))).toEqual([401, 'invalid_token'])
  })

  test('works at another instance, also for one that saw no token before', async () => {
    const { tokens } = await connect(system)
    const other = system.another()
    const answers = await Promise.all(Array.from({ length: 20 }, () => guarded(other, tokens.access_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  })

  test('is verified once at its first sight, however many requests carry it, and never again', async () => {
    const { tokens } = await connect(system)
    const verify = vi.spyOn(crypto.subtle, 'verify')
    try {
      await Promise.all(Array.from({ length: 30 }, () => guarded(system, tokens.access_token)))
      expect(verify).toHaveBeenCalledTimes(1)
      await guarded(system, tokens.access_token)
      expect(verify).toHaveBeenCalledTimes(1)
    } finally {
      verify.mockRestore()
    }
  })

  test('has at most 50 groups: more are left out, and an event says so', async () => {
    const groups = (count: number) => Array.from({ length: count }, (_, index) => `group ${index}`)
    let count = 50
    const own = await startSystem({
      url: 'https://own.test',
      upstream: { login: '/login', name: 'The app' },
      mcp: { handler: () => new Response(), accessToken: { format: 'jwt', claims: ['groups', 'name'] } },
    })
    const login = async () => {
      const browser = own.browser()
      const client = await register(own)
      const verifier = newVerifier()
      const page = asPage(
        await browser.open(authorizeUrl(own, client, { code_challenge: challengeOf(verifier) })),
      )
      const next = asUrl(await browser.submit(page, { decision: 'allow' }, { stopAt: `${own.url}/login` }))
      const cookie = await browser.jar.getCookieString(next.href)
      const request = new Request(next, { headers: { cookie } })
      const user = { id: 'ada', name: 'Ada', claims: { groups: groups(count) } }
      const back = await own.proxy.completeAuthorization({ request, user })
      const code = new URL(back.headers.get('location')!).searchParams.get('code')!
      const response = await own.post('/token', redeemParams(client, { code, verifier }))
      return decodeJwt(((await response.json()) as { access_token: string }).access_token)
    }
    expect((await login()).groups).toEqual(groups(50))
    count = 51
    const claims = await login()
    expect([claims.groups, claims.name]).toEqual([undefined, 'Ada'])
    expect(own.events).toContainEqual(
      expect.objectContaining({ type: 'claim-omitted', reason: 'too-many-groups', user: claims.sub }),
    )
    await own.close()
  })
})

describe('the published keys', () => {
  test('are public members only, cacheable, and readable by pages of any origin', async () => {
    const response = await system.call('/jwks')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('cache-control')).toBe('public, max-age=600')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    const { keys: all } = (await response.json()) as JSONWebKeySet
    expect(all.map((key) => Object.keys(key).sort())).toEqual([['alg', 'e', 'kid', 'kty', 'n', 'use']])
    expect(all[0]).toMatchObject({ use: 'sig', alg: 'RS256', kty: 'RSA' })
    expect((await system.call('/jwks', { method: 'POST' })).status).toBe(405)
  })

  test('are one key for two instances that start together on an empty storage', async () => {
    const one = await startSystem({ mcp: { handler: () => new Response(), accessToken: { format: 'jwt' } } })
    const others = [one, one.another(), one.another()]
    const sets = await Promise.all(others.map(keys))
    expect(new Set(sets.map(({ keys: [key] }) => key?.kid)).size).toBe(1)
    expect(sets.map((set) => set.keys.length)).toEqual([1, 1, 1])
    await one.close()
  })

  test('are sealed in the storage', async () => {
    await keys()
    const record = await system.store.get('signing:RS256')
    expect(JSON.stringify(record?.value)).not.toMatch(/"(d|p|q|kid|n)"/)
    expect(Object.keys(record?.value as object)).toEqual(['sealed'])
  })

  test('do not exist, nor any member that leads to them, while nothing is signed', async () => {
    const off = await startSystem()
    expect((await off.call('/jwks')).status).toBe(404)
    expect((await off.call('/introspect', { method: 'POST' })).status).toBe(404)
    expect((await off.call('/.well-known/openid-configuration')).status).toBe(404)
    const metadata = (await (await off.call('/.well-known/oauth-authorization-server')).json()) as object
    expect(Object.keys(metadata).filter((name) => /jwks|introspection|protected/.test(name))).toEqual([])
    expect(off.store.dump()).not.toContain('signing')
    await off.close()
  })

  test('are named in the metadata, with the servers whose tokens they verify', async () => {
    const metadata = await (await system.call('/.well-known/oauth-authorization-server')).json()
    expect(metadata).toMatchObject({
      jwks_uri: `${system.url}/jwks`,
      protected_resources: [system.mcp, `${system.url}/other`],
    })
  })
})

describe('a forged token', () => {
  const ours = async () => {
    const { tokens } = await connect(system)
    const {
      keys: [key],
    } = await keys()
    return { token: tokens.access_token, payload: decodeJwt(tokens.access_token), key: key! }
  }

  test('is refused, whichever way it names its key or algorithm', async () => {
    const { token, payload, key } = await ours()
    const { kid } = decodeProtectedHeader(token)
    const own = await generateKeyPair('RS256', { extractable: true })
    const jwk = await exportJWK(own.publicKey)
    const sign = (header: Record<string, unknown>) =>
      new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', ...header } as never)
        .sign(own.privateKey)
    const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [header, body, signature] = token.split('.') as [string, string, string]
    const secret = new TextEncoder().encode(JSON.stringify(key))
    const forged = [
      await sign({ kid }),
      await sign({ kid, jwk }),
      await sign({ kid, jku: 'http://localhost:1/keys' }),
      await sign({ kid, x5u: 'http://localhost:1/keys' }),
      await sign({ kid: 'another' }),
      await sign({}),
      await new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid: kid!, typ: 'at+jwt' }).sign(secret),
      `${text({ alg: 'none', typ: 'at+jwt' })}.${body}.`,
      `${text({ alg: 'none', typ: 'at+jwt' })}.${body}.${signature}`,
      `${text({ alg: 'RS256', kid, typ: 'at+jwt', crit: ['exp'] })}.${body}.${signature}`,
      `${text({ alg: 'PS256', kid, typ: 'at+jwt' })}.${body}.${signature}`,
      `${header}.${text({ ...payload, scope: 'read admin' })}.${signature}`,
      `${header}.${text({ ...payload, exp: 9_999_999_999 })}.${signature}`,
      `${header}.${body}.${signature.slice(0, -2)}`,
      `${header}.${body}.`,
      `${header}..${signature}`,
      `${token}.${token}`,
      `${header}.${text([])}.${signature}`,
      `${header}.${Buffer.from('null').toString('base64url')}.${signature}`,
      `${header}.${Buffer.from([255, 254]).toString('base64url')}.${signature}`,
    ]
    expect((await guarded(system, token)).status).toBe(200)
    for (const [index, one] of forged.entries()) {
      expect(await outcome(await guarded(system, one)), `forgery ${index}`).toEqual([401, 'invalid_token'])
    }
  })

  test('of this server, but of another kind or time, is refused', async () => {
    const { payload } = await ours()
    const now = () => Math.floor(Date.now() / 1000)
    const source = storedKeys({
      algorithms: ['RS256'],
      store: system.store,
      sealer: createSealer(
        createKeyring(['a secret of the tests, long enough to be one']),
        'https://mcp.test',
      ),
      rules: { every: 7_776_000, tokenLife: 600 },
      now,
      uptime: now,
      emit: () => {},
    })
    const signer = createSigner(source, system.url)
    const good = await signer.sign('RS256', 'at+jwt', payload)
    expect((await guarded(system, good)).status).toBe(200)
    const bad = [
      await signer.sign('RS256', 'lockgate-identity+jwt', payload),
      await signer.sign('RS256', 'client-authentication+jwt' as never, payload),
      await signer.sign('RS256', 'oauth-id-jag+jwt' as never, payload),
      await signer.sign('RS256', 'JWT' as never, payload),
      await signer.sign('RS256', 'at+jwt', { ...payload, exp: now() - 1 }),
      await signer.sign('RS256', 'at+jwt', { ...payload, exp: String(payload.exp) as never }),
      await signer.sign('RS256', 'at+jwt', { ...payload, aud: [system.mcp] }),
      await signer.sign('RS256', 'at+jwt', { ...payload, aud: `${system.mcp}/` }),
      await signer.sign('RS256', 'at+jwt', { ...payload, iss: `${system.url}/` }),
      await signer.sign('RS256', 'at+jwt', { ...payload, gid: 'x' }),
      await signer.sign('RS256', 'at+jwt', { ...payload, gid: 'x'.repeat(22) }),
      await signer.sign('RS256', 'at+jwt', { ...payload, gid: `${'x'.repeat(22)}.${'y'.repeat(22)}` }),
      await signer.sign('RS256', 'at+jwt', { ...payload, epoch: -1 }),
      await signer.sign('RS256', 'at+jwt', { ...payload, epoch: 'x' }),
    ]
    for (const [index, one] of bad.entries()) {
      expect(await outcome(await guarded(system, one)), `token ${index}`).toEqual([401, 'invalid_token'])
    }
  })

  test('is shown to no function that knows keys of the application', async () => {
    const seen: string[] = []
    const asking = system.another({
      verifyApiKey: (token) => {
        seen.push(token)
        return undefined
      },
    })
    const { token } = await ours()
    const [header, body] = token.split('.')
    expect((await guarded(asking, token)).status).toBe(200)
    expect((await guarded(asking, `${header}.${body}.AAAA`)).status).toBe(401)
    await asking.call('/sealed', { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    expect(seen).toEqual([])
    expect((await guarded(asking, 'a key of the application, 32 characters')).status).toBe(401)
    expect(seen.length).toBe(1)
  })
})

describe('the OpenID configuration', () => {
  const document = async (at: StartedSystem) => at.call('/.well-known/openid-configuration')

  test('is absent by default, and whole if it is switched on', async () => {
    expect((await document(system)).status).toBe(404)
    const on = system.another({ discovery: { openid: true } })
    const answer = await document(on)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      issuer: system.url,
      authorization_endpoint: `${system.url}/authorize`,
      token_endpoint: `${system.url}/token`,
      jwks_uri: `${system.url}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
    })
  })

  test('lets the discovery of the MCP SDK succeed in both modes', async () => {
    for (const one of [system, system.another({ discovery: { openid: true } })]) {
      const fetchFn = (input: string | URL) => one.call(String(input))
      const found = await discoverAuthorizationServerMetadata(system.url, { fetchFn: fetchFn as never })
      expect(found?.token_endpoint).toBe(`${system.url}/token`)
    }
    const openid = system.another({ discovery: { openid: true } })
    const fetchFn = async (input: string | URL) =>
      String(input).includes('oauth-authorization-server')
        ? new Response('', { status: 404 })
        : openid.call(String(input))
    const found = await discoverAuthorizationServerMetadata(system.url, { fetchFn: fetchFn as never })
    expect(found).toMatchObject({ issuer: system.url, jwks_uri: `${system.url}/jwks` })
  })
})
