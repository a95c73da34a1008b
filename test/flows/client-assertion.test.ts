import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import type { ClientAssertion, ConfigError, ProxyOptions } from 'lockgate'
import { google } from 'lockgate/providers/google'
import { keycloak } from 'lockgate/providers/keycloak'
import { microsoft } from 'lockgate/providers/microsoft'
import { oidc } from 'lockgate/providers/oidc'
import { okta } from 'lockgate/providers/okta'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readUpstream } from '../../adapters/cli/configuration/providers.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'
import { asPage, asUrl } from '../support/browser.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import {
  authorizeUrl,
  connect,
  guarded,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

const CLIENT = 'lockgate-at-the-provider'
const URL_OF_PROXY = 'http://localhost:8787'
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

let pem: string
let jwk: Record<string, unknown>
let publicJwk: Record<string, unknown>

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  pem = await exportPKCS8(privateKey)
  jwk = { ...(await exportJWK(privateKey)), kid: 'one', alg: 'RS256' }
  publicJwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
})

/** A self-signed certificate with its key. */
function certificate(): { key: string; certificate: string; thumbprint: string } {
  const folder = mkdtempSync(join(tmpdir(), 'lockgate-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=lockgate']
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const der = execFileSync('openssl', ['x509', '-in', cert, '-outform', 'DER'])
  const hash = execFileSync('openssl', ['dgst', '-sha256', '-binary'], { input: der })
  return {
    key: readFileSync(key, 'utf8'),
    certificate: readFileSync(cert, 'utf8'),
    thumbprint: hash.toString('base64url'),
  }
}

describe('at a real provider that knows no secret', () => {
  let provider: TestProvider
  let system: StartedSystem
  afterEach(async () => {
    await system.close()
    await provider.close()
  })

  async function start(
    clientAssertion: () => ClientAssertion,
    { requirePar = false, pushed }: { requirePar?: boolean; pushed?: boolean } = {},
    more: Partial<ProxyOptions> = {},
  ) {
    provider = await startProvider({
      redirectUris: [`${URL_OF_PROXY}/callback`],
      // So short that the proxy refreshes at the first occasion.
      accessTokenTtl: 20,
      configuration: {
        clients: [
          {
            client_id: CLIENT,
            token_endpoint_auth_method: 'private_key_jwt',
            jwks: { keys: [publicJwk as never] },
            redirect_uris: [`${URL_OF_PROXY}/callback`],
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
          },
        ],
        clientAuthMethods: ['private_key_jwt', 'none'],
        features: {
          devInteractions: { enabled: true },
          revocation: { enabled: true, allowedPolicy: () => true },
          pushedAuthorizationRequests: {
            enabled: true,
            requirePushedAuthorizationRequests: requirePar,
          },
        },
      },
    })
    const upstream = oidc({
      issuer: provider.issuer,
      clientId: CLIENT,
      clientAssertion: clientAssertion(),
      pushedRequests: pushed,
    })
    system = await startSystem({ url: URL_OF_PROXY, upstream, ...more })
  }

  const assertions = () =>
    provider.received.flatMap((body) => new URLSearchParams(body).get('client_assertion') ?? [])

  test.each([
    ['as PEM', () => ({ privateKey: pem, keyId: 'one' })],
    ['as JWK', () => ({ privateKey: jwk })],
  ])('the keys that it publishes are what the provider needs, and nothing private (%s)', async (_, key) => {
    const own = publicJwk
    await start(key)
    const response = await system.call('/upstream-jwks')
    expect(response.status).toBe(200)
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] }
    expect(keys).toEqual([own])
    await Promise.all([system.close(), provider.close()])
    // The provider now knows no other key than the published one.
    publicJwk = keys[0]!
    try {
      await start(key)
      const { tokens } = await connect(system)
      expect((await guarded(system, tokens.access_token)).status).toBe(200)
    } finally {
      publicJwk = own
    }
  })

  test('while keys are exchanged the next one is published too, without a member of no key', async () => {
    const next = { ...publicJwk, kid: 'two', note: 'x', pem: 'private' }
    await start(() => ({ privateKey: jwk, alsoPublished: [next] }))
    const text = await (await system.call('/upstream-jwks')).text()
    const { keys } = JSON.parse(text) as { keys: Record<string, unknown>[] }
    expect(keys).toEqual([publicJwk, { ...publicJwk, kid: 'two' }])
    const metadata = await (await system.call('/.well-known/oauth-authorization-server')).text()
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
      expect(text + metadata).not.toContain(String(jwk[name]))
    }
    expect(metadata).not.toContain('upstream-jwks')
  })

  test.each([
    ['as PEM', () => ({ privateKey: pem })],
    ['as PEM on one line', () => ({ privateKey: pem.trim().replaceAll('\n', '\\n') })],
    ['as JWK', () => ({ privateKey: jwk })],
  ] as const)(
    'the application proves itself by its key %s at every request, each with an assertion of its own',
    async (_, key) => {
      await start(key)
      const { client, tokens } = await connect(system)
      const renewed = await system.post('/token', refreshParams(client, tokens.refresh_token))
      expect(renewed.status).toBe(200)
      const access = ((await renewed.json()) as { access_token: string }).access_token
      expect((await guarded(system, access)).status).toBe(200)
      await system.post('/revoke', { token: tokens.refresh_token, client_id: client.id })
      await expect.poll(() => provider.requests).toContain('POST /token/revocation')
      const all = assertions()
      expect(all.length).toBeGreaterThanOrEqual(2)
      expect(new Set(all.map((one) => decodeJwt(one).jti)).size).toBe(all.length)
      for (const one of all) {
        const { iss, sub, aud, exp, iat } = decodeJwt(one)
        expect({ iss, sub, aud }).toEqual({ iss: CLIENT, sub: CLIENT, aud: provider.issuer })
        expect(exp! - iat!).toBe(60)
      }
      expect(provider.received.join()).not.toContain('client_secret')
    },
  )

  test('a key that is not the registered one ends no sign-in with a token, and the event says what the provider said', async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    const other = await exportPKCS8(privateKey)
    await start(() => ({ privateKey: other }))
    await expect(connect(system)).rejects.toThrow()
    expect(system.events.find(({ detail }) => detail?.startsWith('invalid_client'))).toBeDefined()
  })

  test('a request that is pushed leaves two parameters to the browser, and is pushed only after the consent', async () => {
    await start(() => ({ privateKey: pem }), { requirePar: true })
    const client = await register(system)
    const browser = system.browser()
    const consent = asPage(await browser.open(authorizeUrl(system, client)))
    expect(provider.requests).not.toContain('POST /request')
    const fields = { decision: 'allow' }
    const there = asUrl(await browser.submit(consent, fields, { stopAt: `${provider.issuer}/auth` }))
    expect([...there.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
    const body = provider.received
      .map((one) => new URLSearchParams(one))
      .find((one) => one.has('code_challenge'))!
    expect(body.get('client_assertion_type')).toBe(ASSERTION_TYPE)
    expect(decodeJwt(body.get('client_assertion')!).aud).toBe(provider.issuer)
    for (const name of ['response_type', 'redirect_uri', 'scope', 'state', 'nonce', 'code_challenge_method'])
      expect(body.has(name), name).toBe(true)
    await connect(system)
  })

  test.each([
    [400, 'invalid_request', 'server_error'],
    [401, 'invalid_client', 'server_error'],
    [413, 'invalid_request', 'server_error'],
    [429, 'too_many', 'temporarily_unavailable'],
    [500, 'server_error', 'temporarily_unavailable'],
  ])(
    'a push that is refused with %i reaches the client as %s → %s, with state and issuer',
    async (status, error, code) => {
      await start(() => ({ privateKey: pem }), { pushed: true })
      const client = await register(system)
      const browser = system.browser()
      const consent = asPage(await browser.open(authorizeUrl(system, client, { state: 'mine' })))
      provider.failNext('/request', { status, body: { error, error_description: 'words of the provider' } })
      const back = asUrl(await browser.submit(consent, { decision: 'allow' }, { stopAt: client.redirectUri }))
      const { error_description: words, ...rest } = Object.fromEntries(back.searchParams)
      expect(rest).toEqual({ error: code, state: 'mine', iss: system.url })
      expect(words).not.toContain('words of the provider')
    },
  )

  test('a request is not pushed if the provider only offers it', async () => {
    await start(() => ({ privateKey: pem }))
    await connect(system)
    expect(provider.requests).not.toContain('POST /request')
  })
})

describe('the assertion', () => {
  /** The assertion of one refresh at a provider that accepts everything. */
  async function sent(provider: ReturnType<typeof oidc>, metadata: Record<string, unknown> = {}) {
    let body = new URLSearchParams()
    const upstream = createUpstream(provider, {
      fetch: async (url, init) => {
        if (url.includes('.well-known')) {
          const issuer = provider.issuer
          return Response.json({
            issuer,
            token_endpoint: `${new URL(issuer).origin}/oauth2/v2.0/token`,
            authorization_endpoint: `${new URL(issuer).origin}/authorize`,
            ...metadata,
          })
        }
        body = new URLSearchParams(String(init.body))
        return Response.json({ access_token: 'new', token_type: 'bearer' })
      },
      now: () => 1_800_000_000,
      redirectUri: `${URL_OF_PROXY}/callback`,
    })
    await upstream.refresh({ accessToken: 'old', refreshToken: 'r' })
    const assertion = body.get('client_assertion')!
    expect(body.get('client_assertion_type')).toBe(ASSERTION_TYPE)
    expect(body.get('client_id')).toBe(CLIENT)
    return assertion
  }

  const TENANT = '11111111-2222-4333-8444-555555555555'

  test('for Entra names the certificate by its thumbprint, and is for the token endpoint', async () => {
    const made = certificate()
    const clientAssertion = { privateKey: made.key, certificate: made.certificate }
    const assertion = await sent(microsoft({ tenant: TENANT, clientId: CLIENT, clientAssertion }))
    expect(decodeProtectedHeader(assertion)).toEqual({
      alg: 'PS256',
      typ: 'JWT',
      'x5t#S256': made.thumbprint,
    })
    expect(decodeJwt(assertion)).toMatchObject({
      aud: 'https://login.microsoftonline.com/oauth2/v2.0/token',
      nbf: 1_800_000_000,
      exp: 1_800_000_060,
    })
  })

  test('for Okta is for the token endpoint, for Keycloak for the realm', async () => {
    const clientAssertion = { privateKey: pem, keyId: 'k' }
    const atOkta = await sent(okta({ domain: 'acme.okta.com', clientId: CLIENT, clientAssertion }))
    expect(decodeJwt(atOkta).aud).toBe('https://acme.okta.com/oauth2/v2.0/token')
    expect(decodeProtectedHeader(atOkta)).toEqual({ alg: 'RS256', kid: 'k' })
    const realm = { baseUrl: 'https://id.acme.test', realm: 'r', clientId: CLIENT, clientAssertion }
    expect(decodeJwt(await sent(keycloak(realm))).aud).toBe('https://id.acme.test/realms/r')
  })

  test.each(['ES256', 'ES384', 'EdDSA', 'PS256'] as const)(
    'is signed with %s, as PEM or as JWK',
    async (alg) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true })
      const issuer = 'https://id.acme.test'
      const key = { privateKey: await exportPKCS8(privateKey), ...(alg === 'PS256' && { alg }) }
      const byPem = await sent(oidc({ issuer, clientId: CLIENT, clientAssertion: key }))
      const ofJwk = { privateKey: { ...(await exportJWK(privateKey)), alg } }
      const byJwk = await sent(oidc({ issuer, clientId: CLIENT, clientAssertion: ofJwk }))
      // The platform's name of the curve is a name of the algorithm as well (RFC 9864).
      const names = alg === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [alg]
      for (const one of [byPem, byJwk]) expect(names).toContain(decodeProtectedHeader(one).alg)
    },
  )

  test('has the audience that the operator sets', async () => {
    const clientAssertion = { privateKey: pem, audience: 'https://other.test/token' }
    const assertion = await sent(oidc({ issuer: 'https://id.acme.test', clientId: CLIENT, clientAssertion }))
    expect(decodeJwt(assertion).aud).toBe('https://other.test/token')
  })

  test('of another issuer is asked for at each request', async () => {
    let asked = 0
    const provider = oidc({
      issuer: 'https://id.acme.test',
      clientId: CLIENT,
      clientAssertion: async () => `e30.e30.${++asked}\n`,
    })
    expect([await sent(provider), await sent(provider)]).toEqual(['e30.e30.1', 'e30.e30.2'])
  })

  test.each([
    ['a function that throws', () => Promise.reject(new Error('no token'))],
    ['a function that returns something else', () => 'not a token'],
    [
      'a key that cannot be read',
      { privateKey: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' },
    ],
  ] as [string, ClientAssertion][])(
    'of %s leaves the grant alive, and says so',
    async (_, clientAssertion) => {
      const provider = oidc({ issuer: 'https://id.acme.test', clientId: CLIENT, clientAssertion })
      await expect(sent(provider)).rejects.toMatchObject({
        name: 'UpstreamUnavailable',
        reason: 'client-assertion-failed',
        effect: 'none',
      })
    },
  )

  test('that is refused while the clocks differ has both clocks in its event', async () => {
    const clientAssertion = { privateKey: pem }
    const provider = oidc({ issuer: 'https://id.acme.test', clientId: CLIENT, clientAssertion })
    const upstream = createUpstream(provider, {
      fetch: async (url) =>
        url.includes('.well-known')
          ? Response.json({ issuer: provider.issuer, token_endpoint: 'https://id.acme.test/token' })
          : Response.json(
              { error: 'invalid_client' },
              { status: 401, headers: { date: new Date((1_800_000_000 + 300) * 1000).toUTCString() } },
            ),
      now: () => 1_800_000_000,
      redirectUri: `${URL_OF_PROXY}/callback`,
    })
    await expect(upstream.refresh({ accessToken: 'old', refreshToken: 'r' })).rejects.toMatchObject({
      detail: expect.stringContaining('the clock of the provider is 300 s ahead of this one'),
    })
  })
})

describe('the option', () => {
  let system: StartedSystem
  beforeAll(async () => {
    system = await startSystem()
  })
  afterAll(() => system.close())

  const issuesOf = (upstream: ProxyOptions['upstream']) => {
    try {
      system.another({ upstream })
    } catch (error) {
      return (error as ConfigError).issues.map(({ path }) => path)
    }
    return []
  }
  const made = (clientAssertion: unknown, more: object = {}) =>
    oidc({ issuer: 'https://id.test', clientId: 'c', clientAssertion: clientAssertion as never, ...more })

  test.each([
    ...[{ d: 'x' }, { p: 'x' }, { kty: 'oct', k: 'x' }, { priv: 'x' }, { kty: undefined }].map(
      (more): [unknown, string] => [
        {
          privateKey: { d: 'x' },
          alsoPublished: [JSON.parse(JSON.stringify({ kty: 'RSA', n: 'x', e: 'AQAB', ...more }))],
        },
        'upstream.clientAssertion.alsoPublished',
      ],
    ),
    ['text', 'upstream.clientAssertion'],
    [{}, 'upstream.clientAssertion.privateKey'],
    [{ privateKey: '-----BEGIN RSA PRIVATE KEY-----' }, 'upstream.clientAssertion.privateKey'],
    [{ privateKey: { kty: 'RSA', n: 'x', e: 'AQAB' } }, 'upstream.clientAssertion.privateKey'],
    [{ privateKey: { d: 'x' }, certificate: 'none' }, 'upstream.clientAssertion.certificate'],
    [{ privateKey: { d: 'x' }, alg: 'HS256' }, 'upstream.clientAssertion.alg'],
    [{ privateKey: { d: 'x' }, key: 1 }, 'upstream.clientAssertion.key'],
  ])('%j is refused at %s', (value, path) => {
    expect(issuesOf(made(value))).toContain(path)
  })

  test('excludes a secret, and a provider that has no such method', () => {
    expect(issuesOf(made({ privateKey: { d: 'x' } }, { clientSecret: 's' }))).toContain(
      'upstream.clientAssertion',
    )
    const atGoogle = google({ clientId: 'c', clientSecret: 's', clientAssertion: { privateKey: { d: 'x' } } })
    expect(issuesOf(atGoogle)).toContain('upstream.clientAssertion')
  })

  test('has variables: a key, a certificate, or the path of a file that is read again each time', async () => {
    const base = {
      LOCKGATE_UPSTREAM: 'oidc',
      LOCKGATE_UPSTREAM_ISSUER: 'https://id.test',
      LOCKGATE_UPSTREAM_CLIENT_ID: 'c',
    }
    const keyed = await readUpstream({
      ...base,
      LOCKGATE_UPSTREAM_PRIVATE_KEY: pem,
      LOCKGATE_UPSTREAM_KEY_ID: 'k',
      LOCKGATE_UPSTREAM_KEY_ALG: 'PS256',
      LOCKGATE_UPSTREAM_ASSERTION_AUDIENCE: 'https://aud.test',
      LOCKGATE_UPSTREAM_PUSHED_REQUESTS: 'true',
    })
    expect(keyed).toMatchObject({
      pushedRequests: true,
      clientAssertion: { privateKey: pem, keyId: 'k', alg: 'PS256', audience: 'https://aud.test' },
    })
    const file = join(mkdtempSync(join(tmpdir(), 'lockgate-token-')), 'token')
    const by = (await readUpstream({ ...base, LOCKGATE_UPSTREAM_ASSERTION_PATH: file })) as unknown as {
      clientAssertion: () => Promise<string>
    }
    for (const token of ['e30.e30.one', 'e30.e30.two']) {
      writeFileSync(file, token)
      expect(await by.clientAssertion()).toBe(token)
    }
  })
})
