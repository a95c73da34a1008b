import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DocumentServer, startDocumentServer } from '../support/document-server.ts'
import {
  outcome,
  REDIRECT,
  redeemParams,
  refreshParams,
  type StartedSystem,
  type System,
  signIn,
  startSystem,
  type TestClient,
} from '../support/system.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const CONFIGURED: TestClient = { id: 'batch', secret: undefined, redirectUri: REDIRECT }

interface Key {
  readonly alg: string
  readonly kid: string
  readonly private: CryptoKey
  readonly public: Record<string, unknown>
}

async function newKey(alg: string, kid = alg): Promise<Key> {
  const pair = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, private: pair.privateKey, public: { ...(await exportJWK(pair.publicKey)), kid, alg } }
}

const jwksOf = (...keys: Key[]) => ({ keys: keys.map((key) => key.public) })

let system: StartedSystem
let twin: System
let documents: DocumentServer
let keys: Record<'RS256' | 'ES256' | 'EdDSA', Key>
let stranger: Key

beforeAll(async () => {
  documents = await startDocumentServer()
  const made = await Promise.all([
    newKey('RS256'),
    newKey('ES256'),
    newKey('EdDSA'),
    newKey('ES256', 'other'),
  ])
  keys = { RS256: made[0], ES256: made[1], EdDSA: made[2] }
  stranger = made[3]
  const storage = memory()
  const clients = [
    {
      clientId: CONFIGURED.id,
      redirectUris: [REDIRECT],
      scopes: ['mcp'],
      clientCredentials: true,
      jwks: jwksOf(...Object.values(keys)),
    },
  ]
  const options = { storage, clients, clientDocuments: { loopback: true } }
  system = await startSystem(options)
  twin = await startSystem(options)
})
afterAll(() => Promise.all([system.close(), twin.close(), documents.close()]))
beforeEach(() => {
  documents.asked.length = 0
})

const now = () => Math.floor(Date.now() / 1000)
const claimsOf = (client: TestClient): JWTPayload => ({
  iss: client.id,
  sub: client.id,
  aud: system.url,
  iat: now(),
  exp: now() + 60,
  jti: crypto.randomUUID(),
})

const sign = (client: TestClient, key: Key, changes: Record<string, unknown> = {}, header = {}) =>
  new SignJWT({ ...claimsOf(client), ...changes })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.private)

const withAssertion = <T extends Record<string, string>>(params: T, assertion: string) => ({
  ...params,
  client_assertion_type: JWT_BEARER,
  client_assertion: assertion,
})

let paths = 0
/** A client whose document says it signs. */
function publish(changes: Record<string, unknown> = {}, headers?: Record<string, string>): TestClient {
  const id = documents.publish(
    `/signing-${++paths}.json`,
    { token_endpoint_auth_method: 'private_key_jwt', jwks: jwksOf(keys.ES256), ...changes },
    headers,
  )
  return { id, secret: undefined, redirectUri: REDIRECT }
}

/** What the token endpoint says to a refresh token that is none: 400 after the client proved itself, 401 before. */
const asConfigured = (assertion: string, at: System = system) =>
  at.post('/token', withAssertion(refreshParams(CONFIGURED, 'nonsense'), assertion)).then(outcome)

/** A request that has an effect: a token for the client itself. Only such a request uses an assertion up. */
const tokenFor = (assertion: string, at: System = system) =>
  at
    .post('/token', withAssertion({ grant_type: 'client_credentials', client_id: CONFIGURED.id }, assertion))
    .then(outcome)

const ISSUED = [200, undefined]
const PROVEN = [400, 'invalid_grant']
const REFUSED = [401, 'invalid_client']

test.each(['RS256', 'ES256', 'EdDSA'] as const)(
  'an assertion signed with %s proves the client',
  async (alg) => {
    expect(await asConfigured(await sign(CONFIGURED, keys[alg]))).toEqual(PROVEN)
  },
)

test('the audience is the issuer; the token endpoint is one only if the operator accepts it', async () => {
  const endpoint = `${system.url}/token`
  for (const aud of [endpoint, [endpoint]]) {
    expect(await asConfigured(await sign(CONFIGURED, keys.ES256, { aud }))).toEqual(REFUSED)
  }
  const old = system.another({ dangerouslyAcceptTokenEndpointAudience: true })
  for (const aud of [endpoint, [endpoint], system.url, [system.url]]) {
    expect(await asConfigured(await sign(CONFIGURED, keys.ES256, { aud }), old)).toEqual(PROVEN)
  }
  const other = await sign(CONFIGURED, keys.ES256, { aud: 'https://other.example/token' })
  expect(await asConfigured(other, old)).toEqual(REFUSED)
})

test.each([30, 300, 3600])('an assertion may be valid for %i seconds', async (life) => {
  expect(await asConfigured(await sign(CONFIGURED, keys.ES256, { exp: now() + life }))).toEqual(PROVEN)
})

test('an assertion that is valid for long is still good once only', async () => {
  const assertion = await sign(CONFIGURED, keys.ES256, { exp: now() + 3600 })
  expect(await tokenFor(assertion)).toEqual(ISSUED)
  system.clock.ahead += 3000
  expect(await tokenFor(assertion)).toEqual(REFUSED)
  system.clock.ahead -= 3000
})

test('the client may be named by the assertion alone', async () => {
  const { client_id: _, ...params } = refreshParams(CONFIGURED, 'nonsense')
  const assertion = await sign(CONFIGURED, keys.ES256)
  expect(await outcome(await system.post('/token', withAssertion(params, assertion)))).toEqual(PROVEN)
})

describe('an assertion is refused', () => {
  test.each<[string, Record<string, unknown>]>([
    ['for another server', { aud: 'https://other.example' }],
    ['for the issuer with a slash', { aud: 'http://localhost:8787/' }],
    ['for several audiences', { aud: ['http://localhost:8787', 'https://other.example'] }],
    ['for nobody', { aud: undefined }],
    ['of another issuer', { iss: 'other' }],
    ['about another client', { sub: 'other' }],
    ['of and about another client', { iss: 'other', sub: 'other' }],
    ['that has expired', { exp: now() - 60 }],
    ['that never expires', { exp: undefined }],
    ['that is valid for two hours', { exp: now() + 7200 }],
    ['that is good for ever', { exp: now() + 10 ** 9 }],
    ['from the future', { iat: now() + 600 }],
    ['for the future', { nbf: now() + 600 }],
    ['without a jti', { jti: undefined }],
    ['with an empty jti', { jti: '' }],
    ['with a jti that is no text', { jti: 7 }],
    ['with an endless jti', { jti: 'a'.repeat(2000) }],
  ])('%s', async (_what, changes) => {
    expect(await asConfigured(await sign(CONFIGURED, keys.ES256, changes))).toEqual(REFUSED)
  })

  test('of an unknown key, or signed by another than it names', async () => {
    expect(await asConfigured(await sign(CONFIGURED, stranger))).toEqual(REFUSED)
    expect(await asConfigured(await sign(CONFIGURED, { ...stranger, kid: 'ES256' }))).toEqual(REFUSED)
  })

  test.each([' ', '\n', '\u00a0'])('with %j inside or after it', async (blank) => {
    const good = await sign(CONFIGURED, keys.ES256)
    for (const spelled of [good + blank, good.replace(/.{9}$/, `${blank}$&`)])
      expect(await asConfigured(spelled)).toEqual(REFUSED)
    expect(await asConfigured(good)).toEqual(PROVEN)
  })

  test('without a signature', async () => {
    const unsigned = new UnsecuredJWT(claimsOf(CONFIGURED)).encode()
    expect(await asConfigured(unsigned)).toEqual(REFUSED)
  })

  test('with a public key as a shared secret', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(keys.ES256.public))
    const forged = await new SignJWT(claimsOf(CONFIGURED))
      .setProtectedHeader({ alg: 'HS256', kid: 'ES256' })
      .sign(secret)
    expect(await asConfigured(forged)).toEqual(REFUSED)
  })

  test('with an extension nobody knows', async () => {
    const assertion = await new SignJWT(claimsOf(CONFIGURED))
      .setProtectedHeader({ alg: 'ES256', kid: 'ES256', crit: ['x'], x: 1 })
      .sign(keys.ES256.private, { crit: { x: true } })
    expect(await asConfigured(assertion)).toEqual(REFUSED)
  })

  test('a second time, here and by another process', async () => {
    const assertion = await sign(CONFIGURED, keys.ES256)
    expect(await tokenFor(assertion)).toEqual(ISSUED)
    expect(await tokenFor(assertion)).toEqual(REFUSED)
    expect(await tokenFor(assertion, twin)).toEqual(REFUSED)
  })

  test('a second time, by each request that has an effect, whatever the first one was', async () => {
    const client = publish()
    const codes = [await signIn(system, client), await signIn(system, client)] as const
    const [first, second] = codes.map((code) => redeemParams(client, code))
    const used = await sign(client, keys.ES256)
    const tokensOf = async (response: Response) => (await response.json()) as Record<string, string>
    const { access_token: access, refresh_token: refresh } = await tokensOf(
      await system.post('/token', withAssertion(first!, used)),
    )
    for (const params of [second!, refreshParams(client, refresh!)])
      expect(await outcome(await system.post('/token', withAssertion(params, used)))).toEqual(REFUSED)
    for (const token of [access!, refresh!]) {
      const revocation = withAssertion({ client_id: client.id, token }, used)
      expect(await outcome(await system.post('/revoke', revocation))).toEqual(REFUSED)
    }
    const fresh = withAssertion(refreshParams(client, refresh!), await sign(client, keys.ES256))
    expect((await system.post('/token', fresh)).status).toBe(200)
    expect((await system.post('/token', withAssertion(second!, await sign(client, keys.ES256)))).status).toBe(
      200,
    )
  })

  test('all but once of many at the same moment', async () => {
    const assertion = await sign(CONFIGURED, keys.ES256)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => tokenFor(assertion, index % 2 ? system : twin)),
    )
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1)
  })

  test('and nothing is written for one whose signature is wrong', async () => {
    system.store.reset()
    await asConfigured(await sign(CONFIGURED, stranger))
    await asConfigured('a.b.c')
    expect(system.store.writes).toBe(0)
  })

  test.each<[string, Record<string, string>]>([
    [
      'of another type',
      { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    ],
    ['that is not there', { client_assertion: '' }],
    ['that is nonsense', { client_assertion: 'nonsense' }],
  ])('%s', async (_what, changes) => {
    const params = withAssertion(refreshParams(CONFIGURED, 'x'), await sign(CONFIGURED, keys.ES256))
    expect(await outcome(await system.post('/token', { ...params, ...changes }))).toEqual(REFUSED)
  })

  test('beside another proof', async () => {
    const params = withAssertion(refreshParams(CONFIGURED, 'x'), await sign(CONFIGURED, keys.ES256))
    const both = await system.post('/token', { ...params, client_secret: 'a secret' })
    expect(await outcome(both)).toEqual([400, 'invalid_request'])
    const basic = await system.post('/token', params, { authorization: `Basic ${btoa('batch:secret')}` })
    expect(await outcome(basic)).toEqual([400, 'invalid_request'])
  })
})

test('a client that signs cannot do without, nor show a secret instead', async () => {
  expect(await outcome(await system.post('/token', refreshParams(CONFIGURED, 'x')))).toEqual(REFUSED)
  const secret = { ...refreshParams(CONFIGURED, 'x'), client_secret: 'a secret' }
  expect(await outcome(await system.post('/token', secret))).toEqual(REFUSED)
})

describe('a client with a document', () => {
  test('signs for its code, its refresh and its revocation', async () => {
    const client = publish()
    const params = redeemParams(client, await signIn(system, client))
    expect(await outcome(await system.post('/token', params)), 'without an assertion').toEqual(REFUSED)
    const wrong = withAssertion(params, await sign(client, stranger))
    expect(await outcome(await system.post('/token', wrong)), 'by a stranger').toEqual(REFUSED)
    const issued = await system.post('/token', withAssertion(params, await sign(client, keys.ES256)))
    expect(issued.status).toBe(200)
    const { refresh_token: token } = (await issued.json()) as { refresh_token: string }
    expect(await outcome(await system.post('/token', refreshParams(client, token)))).toEqual(REFUSED)
    expect(await outcome(await system.post('/revoke', { client_id: client.id, token }))).toEqual(REFUSED)
    const refreshed = withAssertion(refreshParams(client, token), await sign(client, keys.ES256))
    expect((await system.post('/token', refreshed)).status).toBe(200)
    const revoked = withAssertion({ client_id: client.id, token }, await sign(client, keys.ES256))
    expect((await system.post('/revoke', revoked)).status).toBe(200)
    expect(documents.asked).toHaveLength(1)
  })

  test('may change its keys while its grant lasts, at their own address', async () => {
    const [before, after] = [await newKey('ES256', 'before'), await newKey('ES256', 'after')]
    const path = `/keys-${++paths}.json`
    const client = publish({ jwks: undefined, jwks_uri: documents.put(path, jwksOf(before)) })
    const params = redeemParams(client, await signIn(system, client))
    const issued = await system.post('/token', withAssertion(params, await sign(client, before)))
    const { refresh_token: token } = (await issued.json()) as { refresh_token: string }
    documents.put(path, jwksOf(after))
    // Another process has not kept the old ones.
    const other = await startSystem({ storage: system.store, clientDocuments: { loopback: true } })
    try {
      const refreshed = withAssertion(refreshParams(client, token), await sign(client, after))
      expect((await other.post('/token', refreshed)).status).toBe(200)
    } finally {
      await other.close()
    }
  })

  test('keeps its grant while its keys cannot be had', async () => {
    const path = `/keys-${++paths}.json`
    const jwks_uri = documents.put(path, (_request, response) => response.writeHead(500).end())
    const client = publish({ jwks: undefined, jwks_uri })
    const params = redeemParams(client, await signIn(system, client))
    const failed = await system.post('/token', withAssertion(params, await sign(client, keys.ES256)))
    expect(failed.headers.get('retry-after')).toBe('5')
    expect(await outcome(failed)).toEqual([503, 'temporarily_unavailable'])
    documents.put(path, jwksOf(keys.ES256))
    const repaired = await system.post('/token', withAssertion(params, await sign(client, keys.ES256)))
    expect(repaired.status).toBe(200)
  })

  test('cannot drop its proof by a new document: how it proves itself was approved with it', async () => {
    const client = publish({}, { 'cache-control': 'no-store' })
    const params = redeemParams(client, await signIn(system, client))
    documents.publish(new URL(client.id).pathname)
    expect(await outcome(await system.post('/token', params))).toEqual(REFUSED)
  })

  test('may offer to sign or not', async () => {
    const client = publish({
      token_endpoint_auth_method: undefined,
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
    })
    const signed = redeemParams(client, await signIn(system, client))
    const assertion = await sign(client, keys.ES256)
    expect((await system.post('/token', withAssertion(signed, assertion))).status).toBe(200)
    const plain = redeemParams(client, await signIn(system, client))
    expect((await system.post('/token', plain)).status).toBe(200)
  })

  test.each<[string, Record<string, unknown>]>([
    ['without keys', { jwks: undefined }],
    ['with keys in two places', { jwks_uri: 'https://app.example/keys.json' }],
    ['with keys at an address inside', { jwks: undefined, jwks_uri: 'https://10.0.0.1/keys.json' }],
    ['with keys over http', { jwks: undefined, jwks_uri: 'http://app.example/keys.json' }],
    ['with a shared key', { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }],
    ['with a private key', { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' }] } }],
    ['with keys that are none', { jwks: { keys: 'none' } }],
  ])('is refused %s', async (_what, changes) => {
    const { id } = publish(changes)
    const response = await system.call(`/authorize?${new URLSearchParams({ client_id: id })}`)
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
    expect(system.events.at(-1)?.reason).toBe('client-metadata-refused')
  })

  test('makes nobody ask for keys with a code that is not its own', async () => {
    const client = publish({
      jwks: undefined,
      jwks_uri: documents.put(`/keys-${++paths}.json`, jwksOf(keys.ES256)),
    })
    const { code, verifier } = await signIn(system, client)
    documents.asked.length = 0
    const guessed = code.slice(0, -4) + (code.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    const params = redeemParams(client, { code: guessed, verifier })
    const answer = await system.post('/token', withAssertion(params, await sign(client, keys.ES256)))
    expect(await outcome(answer)).toEqual([400, 'invalid_grant'])
    expect(documents.asked).toEqual([])
  })
})

describe.each(['sealed', 'stored'] as const)('a client with a %s registration', (registration) => {
  let at: StartedSystem
  beforeAll(async () => {
    at = await startSystem({ registration, clientDocuments: { accept: false } })
  })
  afterAll(() => at.close())

  async function registered(...own: Key[]): Promise<TestClient> {
    const response = await at.call('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: [REDIRECT],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: jwksOf(...own),
      }),
    })
    expect(response.status).toBe(201)
    const { client_id: id } = (await response.json()) as { client_id: string }
    return { id, secret: undefined, redirectUri: REDIRECT }
  }

  test.each(['RS256', 'ES256', 'EdDSA'] as const)(
    'signs with %s for its code and its refresh',
    async (alg) => {
      const client = await registered(keys[alg])
      const params = redeemParams(client, await signIn(at, client))
      expect(await outcome(await at.post('/token', params)), 'without an assertion').toEqual(REFUSED)
      const secret = { ...params, client_secret: 'a secret' }
      expect(await outcome(await at.post('/token', secret)), 'with a secret').toEqual(REFUSED)
      const wrong = withAssertion(params, await sign(client, stranger))
      expect(await outcome(await at.post('/token', wrong)), 'by a stranger').toEqual(REFUSED)
      const aud = `${at.url}/token`
      const elsewhere = withAssertion(params, await sign(client, keys[alg], { aud }))
      expect(await outcome(await at.post('/token', elsewhere)), 'for the endpoint').toEqual(REFUSED)
      const assertion = await sign(client, keys[alg])
      const issued = await at.post('/token', withAssertion(params, assertion))
      expect(issued.status).toBe(200)
      const { refresh_token: token } = (await issued.json()) as { refresh_token: string }
      const replayed = withAssertion(refreshParams(client, token), assertion)
      expect(await outcome(await at.post('/token', replayed)), 'again').toEqual(REFUSED)
      expect(await outcome(await at.post('/revoke', { client_id: client.id, token }))).toEqual(REFUSED)
      const refreshed = withAssertion(refreshParams(client, token), await sign(client, keys[alg]))
      expect((await at.post('/token', refreshed)).status).toBe(200)
    },
  )

  test('cannot sign for another client, although its own key is right', async () => {
    const [client, other] = [await registered(keys.ES256), await registered(stranger)]
    const params = redeemParams(client, await signIn(at, client))
    const foreign = await sign(client, stranger)
    expect(await outcome(await at.post('/token', withAssertion(params, foreign)))).toEqual(REFUSED)
    const own = await sign(other, stranger)
    expect(await outcome(await at.post('/token', withAssertion(params, own)))).toEqual(REFUSED)
  })

  test('with a key that is on no curve is told so, and not to come back later', async () => {
    const broken = { ...keys.ES256, public: { ...keys.ES256.public, x: 'A'.repeat(43) } }
    const client = await registered(broken)
    const params = withAssertion(refreshParams(client, 'x'), await sign(client, keys.ES256))
    expect(await outcome(await at.post('/token', params))).toEqual(REFUSED)
  })
})

test('the operator may name where the keys of a client are', async () => {
  const jwksUri = documents.put(`/keys-${++paths}.json`, jwksOf(keys.RS256))
  const other = await startSystem({
    clients: [{ clientId: CONFIGURED.id, redirectUris: [REDIRECT], jwksUri }],
  })
  try {
    expect(await asConfigured(await sign(CONFIGURED, keys.RS256), other)).toEqual(PROVEN)
    expect(await asConfigured(await sign(CONFIGURED, keys.RS256), other)).toEqual(PROVEN)
    expect(documents.asked, 'once').toHaveLength(1)
  } finally {
    await other.close()
  }
})

test('a configured client has one proof, and no private key stands in the options', async () => {
  const base = { clientId: 'x', redirectUris: [REDIRECT] }
  const jwks = jwksOf(keys.ES256)
  const both = { ...base, jwks, clientSecret: 'a secret of sixteen' }
  await expect(startSystem({ clients: [both] })).rejects.toThrow(
    'expected only one of clientSecret, jwks and jwksUri',
  )
  const secret = { keys: [{ ...keys.ES256.public, d: 'd' }] }
  await expect(startSystem({ clients: [{ ...base, jwks: secret }] })).rejects.toThrow(
    'expected public keys only',
  )
})

test('it is advertised only where some client may use it', async () => {
  const off = await startSystem({ registration: 'off', clientDocuments: { accept: false } })
  try {
    const metadata = (await (await off.call('/.well-known/oauth-authorization-server')).json()) as {
      token_endpoint_auth_methods_supported: string[]
    }
    expect(metadata.token_endpoint_auth_methods_supported).not.toContain('private_key_jwt')
    expect(metadata).not.toHaveProperty('token_endpoint_auth_signing_alg_values_supported')
  } finally {
    await off.close()
  }
})
