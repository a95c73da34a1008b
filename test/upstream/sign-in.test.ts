import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { beforeAll, describe, expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createUpstream } from '../../src/upstream/upstream.ts'

const ISSUER = 'https://id.example.com'
const CLIENT = 'client'
const flow = { state: 'state', verifier: 'v'.repeat(43), nonce: 'nonce' }

type Answer = Response | object | undefined
type Answers = Partial<
  Record<'discovery' | 'keys' | 'token' | 'userinfo', (times: number) => Answer | Promise<Answer>>
>

let key: Awaited<ReturnType<typeof generateKeyPair>>
let jwk: object
beforeAll(async () => {
  key = await generateKeyPair('RS256')
  jwk = { ...(await exportJWK(key.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }
})

const sign = (claims: Record<string, unknown>, alg = 'RS256') =>
  new SignJWT({ iss: ISSUER, aud: CLIENT, sub: 'ada', ...claims })
    .setProtectedHeader({ alg, kid: 'k' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(alg === 'RS256' ? key.privateKey : new TextEncoder().encode('a shared secret of 32 bytes or more'))

const document = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  userinfo_endpoint: `${ISSUER}/userinfo`,
  jwks_uri: `${ISSUER}/keys`,
}

/** One provider whose responses a test chooses. */
function start(answers: Answers, own: Partial<Provider> = {}) {
  const clock = { now: Math.floor(Date.now() / 1000) }
  const asked: string[] = []
  const usual: Record<string, () => Answer | Promise<Answer>> = {
    discovery: () => document,
    keys: () => ({ keys: [jwk] }),
    token: async () => ({
      access_token: 'a',
      token_type: 'Bearer',
      id_token: await sign({ nonce: flow.nonce, email: 'ada@example.com' }),
    }),
    userinfo: () => ({ sub: 'ada' }),
  }
  const upstream = createUpstream(
    { ...oidc({ clientId: CLIENT, clientSecret: 's', issuer: ISSUER }), ...own },
    {
      async fetch(url) {
        const path = new URL(url).pathname.slice(1)
        const name = path.startsWith('.well-known') ? 'discovery' : path
        asked.push(name)
        const times = asked.filter((one) => one === name).length
        const said = await (answers[name as keyof Answers]?.(times) ?? usual[name]?.())
        return said instanceof Response ? said : Response.json(said)
      },
      now: () => clock.now,
      redirectUri: 'https://proxy.example.com/callback',
    },
  )
  const signIn = (params: Record<string, string> = {}) =>
    upstream.exchange(new URLSearchParams({ code: 'c', state: flow.state, ...params }), flow)
  const failed = async (params?: Record<string, string>) => {
    const error = await signIn(params).catch((reason: unknown) => reason)
    if (!(error instanceof OAuthError)) throw new Error(`it did not fail: ${JSON.stringify(error)}`)
    return error
  }
  return { upstream, asked, clock, signIn, failed }
}

const idToken = (claims: Record<string, unknown>, alg?: string): Answers => ({
  token: async () => ({
    access_token: 'a',
    token_type: 'Bearer',
    id_token: await sign({ nonce: flow.nonce, ...claims }, alg),
  }),
})

describe('the event of a sign-in that fails', () => {
  test('names both issuers if the ID token has another one', async () => {
    const { detail, reason } = await start(idToken({ iss: `${ISSUER}/` })).failed()
    expect(reason).toBe('provider-response-invalid')
    expect(detail).toBe(
      'unexpected JWT "iss" (issuer) claim value: expected https://id.example.com, got https://id.example.com/',
    )
  })

  test('names both issuers if the callback has another one', async () => {
    const { detail, reason } = await start({}).failed({ iss: 'https://other.example/' })
    expect(reason).toBe('provider-issuer-mismatch')
    expect(detail).toBe('expected https://id.example.com, got https://other.example/')
  })

  test('does not repeat an issuer that is not a URL', async () => {
    const { detail } = await start({}).failed({ iss: 'canary value' })
    expect(detail).toBe('expected https://id.example.com, got a value that is not a URL')
  })

  test('names both issuers if the discovery document has another one', async () => {
    const other = { ...document, issuer: 'https://id.example.com/realms/x' }
    const { detail, reason } = await start({ discovery: () => other }).failed()
    expect(reason).toBe('provider-discovery-failed')
    expect(detail).toContain('/.well-known/openid-configuration: ')
    expect(detail).toContain('expected https://id.example.com/, got https://id.example.com/realms/x')
  })

  test('says that `iss` is missing', async () => {
    const promised = { ...document, authorization_response_iss_parameter_supported: true }
    const { detail } = await start({ discovery: () => promised }).failed()
    expect(detail).toBe('response parameter "iss" (issuer) missing')
  })

  test.each([
    ['the audience', { aud: 'other' }, 'unexpected JWT "aud" (audience) claim value'],
    ['the nonce', { nonce: 'other' }, 'unexpected ID Token "nonce" claim value'],
  ])('names the claim: %s', async (_name, claims, detail) => {
    expect((await start(idToken(claims)).failed()).detail).toBe(detail)
  })

  test('names HS256 and the fix, also if the provider lists it', async () => {
    for (const algorithms of [['RS256'], ['RS256', 'HS256']]) {
      const listed = { ...document, id_token_signing_alg_values_supported: algorithms }
      const { detail } = await start({ ...idToken({}, 'HS256'), discovery: () => listed }).failed()
      expect(detail).toMatch(/HS256/)
      expect(detail).toMatch(/RS256 or ES256 for the application at the provider/)
    }
  })

  test('names an odd token type and the fix', async () => {
    const token = async () => ({
      access_token: 'a',
      token_type: 'MAC',
      id_token: await sign({ nonce: flow.nonce }),
    })
    const { detail } = await start({ token }).failed()
    expect(detail).toMatch(/token_type.*: mac.*overrides: \{ answer: \{ tokenType: 'bearer' \} \}/)
  })

  test('names the application if it is refused', async () => {
    const refusal = {
      error: 'invalid_client',
      error_description: 'AADSTS7000215: Invalid client secret provided. canary',
    }
    const { reason, detail } = await start({ token: () => Response.json(refusal, { status: 401 }) }).failed()
    expect([reason, detail]).toEqual(['provider-refuses-application', 'invalid_client AADSTS7000215'])
  })

  test('has the codes of a refusal on the callback', async () => {
    const { detail, reason } = await start({}).failed({
      code: '',
      error: 'access_denied',
      error_description: 'AADSTS65004: the user declined',
    })
    expect([reason, detail]).toEqual(['provider-error', 'access_denied AADSTS65004'])
  })

  test('says that an access token has characters that no token may have', async () => {
    const { detail } = await start({ token: () => ({ access_token: 'can\nary' }) }).failed()
    expect(detail).toBe('access_token has characters that no token may have')
  })
})

describe('the discovery document', () => {
  test('that was valid stays in use while the provider does not serve it, and is fetched again', async () => {
    let away = false
    const { signIn, asked, clock } = start({
      discovery: () => (away ? new Response('gone', { status: 404 }) : document),
    })
    const documents = () => asked.filter((one) => one === 'discovery').length
    await signIn()
    clock.now += 3601
    away = true
    await signIn()
    expect(documents()).toBe(2)
    await signIn()
    expect(documents()).toBe(2)
    clock.now += 6
    away = false
    await signIn()
    expect(documents()).toBe(3)
    clock.now += 6
    await signIn()
    expect(documents()).toBe(3)
  })

  test('that was never valid is an error', async () => {
    const { failed } = start({ discovery: () => new Response('', { status: 404 }) })
    expect((await failed()).code).toBe('temporarily_unavailable')
  })
})

const AWAY: [string, () => Answer | Promise<Answer>][] = [
  ['is gone', () => new Response('gone', { status: 404 })],
  ['fails', () => new Response('', { status: 503 })],
  ['is a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['is empty JSON', () => ({})],
  ['does not answer', () => Promise.reject(new TypeError('fetch failed'))],
]

describe.each(AWAY)('a document that %s after its time', (_name, gone) => {
  test('stops neither sign-ins nor refreshes', async () => {
    let away = false
    const { signIn, upstream, clock } = start({ discovery: () => (away ? gone() : document) })
    const { tokens } = await signIn()
    away = true
    clock.now += 24 * 3600
    await signIn()
    expect(await upstream.refresh({ ...tokens, refreshToken: 'r' })).toMatchObject({
      tokens: { accessToken: 'a' },
    })
  })

  test('stops no sign-in for an hour if it holds the keys, and is looked at again', async () => {
    let away = false
    const { signIn, failed, clock, asked } = start({ keys: () => (away ? gone() : { keys: [jwk] }) })
    const looks = () => asked.filter((one) => one === 'keys').length
    await signIn()
    away = true
    clock.now += 301
    await signIn()
    const looked = looks()
    expect(looked).toBeGreaterThan(1)
    await signIn()
    expect(looks()).toBe(looked)
    clock.now += 3601
    await failed()
    away = false
    await signIn()
  })
})

test('keys that the provider replaced are not used again, though the new ones cannot be fetched', async () => {
  const other = await generateKeyPair('RS256')
  const replaced = { ...(await exportJWK(other.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }
  let keys: () => Answer = () => ({ keys: [jwk] })
  const { signIn, failed, clock } = start({ keys: () => keys() })
  await signIn()
  clock.now += 301
  keys = () => ({ keys: [replaced] })
  await failed()
  clock.now += 301
  keys = () => new Response('', { status: 503 })
  await failed()
})

describe('userinfo as a signed JWT', () => {
  const jwt = async (claims: object, alg?: string) =>
    new Response(await sign({ email: 'ada@example.com', email_verified: true, ...claims }, alg), {
      headers: { 'content-type': 'application/jwt; charset=utf-8' },
    })
  const start2 = (userinfo: () => Answer | Promise<Answer>) =>
    start({ ...idToken({ email: undefined }), userinfo })

  test('is verified with the keys of the provider', async () => {
    const { identity } = await start2(() => jwt({})).signIn()
    expect(identity).toMatchObject({ email: 'ada@example.com', emailVerified: true, subject: 'ada' })
  })

  test.each<[string, () => Answer | Promise<Answer>]>([
    [
      'with a broken signature',
      async () => {
        const text = await (await jwt({})).text()
        return new Response(`${text.slice(0, -6)}AAAAAA`, { headers: { 'content-type': 'application/jwt' } })
      },
    ],
    ['for another client', () => jwt({ aud: 'other' })],
    ['of another issuer', () => jwt({ iss: 'https://other.example' })],
    ['about another subject', () => jwt({ sub: 'grace' })],
    ['with a shared secret', () => jwt({}, 'HS256')],
    ['encrypted', () => new Response('a.b.c.d.e', { headers: { 'content-type': 'application/jwt' } })],
  ])('%s is refused', async (_name, userinfo) => {
    expect((await start2(userinfo).failed()).code).toBe('server_error')
  })
})

test('an oauth2 provider with a scope separator reads the granted scopes with it', async () => {
  const provider = oauth2({
    clientId: CLIENT,
    authorizationEndpoint: `${ISSUER}/authorize`,
    tokenEndpoint: `${ISSUER}/token`,
    userinfoEndpoint: `${ISSUER}/userinfo`,
    scopeSeparator: ',',
  })
  const { upstream, signIn } = start({ token: () => ({ access_token: 'a', scope: 'read,write' }) }, provider)
  const { tokens } = await signIn()
  expect([upstream.grants(tokens, 'read'), upstream.grants(tokens, 'admin')]).toEqual([true, false])
})
