import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { ProxyOptions } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createContext } from '../../src/context.ts'
import { readOptions } from '../../src/options/settings.ts'
import { routesOf } from '../../src/routes.ts'
import { asPage } from '../support/browser.ts'
import {
  authorizeUrl,
  guarded,
  outcome,
  REDIRECT,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  signIn,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

/*
 * A stranger has signed in nowhere, but may register clients with keys of its own, sign with them, and approve its own
 * requests. The tables say what each endpoint writes for it. A new endpoint has to be in a table.
 */

const METHOD = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const ADDRESS = 12
const made = 'A'.repeat(22)
const TOKENS = [
  undefined,
  '',
  'nonsense',
  `${made}.${made}.1.${'a'.repeat(43)}`,
  `${made}.${made}.${'a'.repeat(27)}`,
]

const options: Partial<ProxyOptions> = {
  mcp: [
    { path: '/mcp', handler: () => new Response() },
    { path: '/signed', accessToken: { format: 'jwt' }, handler: () => new Response() },
  ],
  resourceServers: [
    {
      id: 'server',
      secret: 'the secret of a resource server, long enough',
      resources: ['http://localhost:8787/signed'],
    },
  ],
  trustedIssuers: [
    {
      issuer: 'https://platform.example',
      use: ['workload', 'bearer'],
      rules: [{ name: 'all', match: { sub: 'job' }, scopes: ['mcp'] }],
    },
  ],
  consent: { remember: '1h' },
}

let keys: Awaited<ReturnType<typeof generateKeyPair>>
let system: StartedSystem
let stored: StartedSystem
let address = ''

beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true })
  system = await startSystem({ ...options, limits: false })
  stored = await startSystem({ ...options, registration: 'stored', limits: false })
  // The signing keys are made once.
  for (const each of [system, stored]) await each.call('/jwks')
})
afterAll(() => Promise.all([system.close(), stored.close()]))
beforeEach(() => {
  for (const each of [system, stored]) each.store.reset()
})

const signingClient = async (at = system): Promise<TestClient> =>
  register(at, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'ES256', kid: 'k' }] },
  })

async function proofOf(client: TestClient, at = system): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: client.id,
    sub: client.id,
    aud: at.url,
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 3500,
  }
  const signed = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(keys.privateKey)
  return { client_id: client.id, client_assertion_type: METHOD, client_assertion: signed }
}

/** Sends what a stranger can put into a form: proven or not, with every form of a token in every parameter. */
async function forms(
  at: StartedSystem,
  path: string,
  kinds: readonly Record<string, string>[],
): Promise<void> {
  const client = await signingClient(at)
  const open = await register(at)
  at.store.reset()
  for (const kind of kinds)
    for (const token of TOKENS)
      for (const proof of [await proofOf(client, at), { client_id: open.id }, {}]) {
        const names = ['token', 'code', 'refresh_token', 'assertion', 'code_verifier']
        const shown = token === undefined ? {} : Object.fromEntries(names.map((name) => [name, token]))
        await at.post(path, { ...kind, ...shown, ...proof })
      }
}

const grantKinds = [
  ...['authorization_code', 'refresh_token', 'client_credentials', JWT_BEARER, 'nonsense', ''].map(
    (grant_type) => ({ grant_type }),
  ),
  { grant_type: 'authorization_code', resource: 'https://other.example' },
  { grant_type: 'refresh_token', scope: 'nonsense' },
]

async function approve(at: StartedSystem, state: string): Promise<void> {
  const client = await register(at)
  const browser = at.browser()
  const page = asPage(await browser.open(authorizeUrl(at, client, { state })))
  at.store.reset()
  await browser.submit(page, { decision: 'allow' }, { stopAt: at.provider.issuer })
}

const form = (path: string) => async (at: StartedSystem) => {
  await at.post(path, { grant: made, token: 'x', answer: 'x', request: 'x'.repeat(400), decision: 'allow' })
  await at.call(path, {
    method: 'POST',
    headers: { origin: at.url },
    body: new URLSearchParams({ grant: made }),
  })
}
const page = (path: string) => async (at: StartedSystem) => {
  await at.call(path, {
    headers: { authorization: `Bearer ${'x'.repeat(80)}`, cookie: 'lockgate-session=x' },
  })
}
const metadata = (path: string, method: string) => async (at: StartedSystem) => {
  const body = method === 'PUT' ? JSON.stringify({ redirect_uris: [REDIRECT] }) : null
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${made}` }
  await at.call(path, { method, headers, body })
}

/** What writes nothing for a stranger, by method and path. */
const NOTHING: Record<string, (at: StartedSystem) => Promise<unknown>> = {
  'GET /authorize': (at) => at.call('/authorize?client_id=x'),
  'POST /authorize': form('/authorize'),
  'POST /consent': async (at) => {
    await form('/consent')(at)
    await approve(at, 'a short state')
  },
  'POST /finish': form('/finish'),
  'GET /callback': page('/callback?code=a&state=b'),
  'POST /callback': form('/callback'),
  'GET /callback/:provider': page('/callback/oidc?code=a&state=b'),
  'POST /callback/:provider': form('/callback/oidc'),
  'GET /account': page('/account'),
  'POST /account/sign-in': form('/account/sign-in'),
  'POST /account/sign-out': form('/account/sign-out'),
  'POST /account/revoke': form('/account/revoke'),
  'POST /account/ask-again': form('/account/ask-again'),
  'POST /token': (at) => forms(at, '/token', grantKinds),
  'POST /revoke': (at) => forms(at, '/revoke', [{}, { token_type_hint: 'refresh_token' }]),
  'POST /introspect': (at) => forms(at, '/introspect', [{}, { client_id: 'server' }]),
  'GET /jwks': page('/jwks'),
  'GET /health': page('/health'),
  'GET /': page('/'),
  'GET /register/:id': metadata(`/register/app-${made}`, 'GET'),
  'PUT /register/:id': metadata(`/register/app-${made}`, 'PUT'),
  'DELETE /register/:id': metadata(`/register/app-${made}`, 'DELETE'),
}

/** What writes one record for a request of a stranger, which expires. A limit by address bounds their number. */
const BOUNDED: Record<string, { at: () => StartedSystem; send: (at: StartedSystem) => Promise<unknown> }> = {
  'POST /register': { at: () => stored, send: (at) => register(at) },
  // A `state` that is too long for a cookie.
  'POST /consent': { at: () => system, send: (at) => approve(at, 's'.repeat(700)) },
}

describe('before a sign-in is complete', () => {
  test('each endpoint is in a table', () => {
    const paths = (['sealed', 'stored'] as const).flatMap((registration) => {
      const settings = readOptions({
        mcp: options.mcp!,
        ...options,
        url: system.url,
        secret: 'a secret of the tests, long enough to be one',
        storage: memory(),
        upstream: oidc(system.provider),
        registration,
      })
      return routesOf(createContext(settings)).flatMap(({ path, methods }) =>
        Object.keys(methods).map((method) => `${method} ${path}`),
      )
    })
    const documents = paths.filter((path) => /^GET .*\.well-known/.test(path))
    const others = [...new Set(paths)].filter((path) => !documents.includes(path))
    expect(others.sort()).toEqual([...new Set([...Object.keys(NOTHING), ...Object.keys(BOUNDED)])].sort())
  })

  test.each(Object.entries(NOTHING))('%s writes nothing', async (path, send) => {
    const at = path.includes('/register') ? stored : system
    await send(at)
    expect(at.store.writes).toBe(0)
  })

  test('a request to an MCP server writes nothing', async () => {
    const token = (await proofOf(await signingClient())).client_assertion!
    system.store.reset()
    for (const shown of [token, 'x'.repeat(80), ...TOKENS.filter(Boolean)])
      await guarded(system, shown as string)
    expect(system.store.writes).toBe(0)
  })

  test.each(Object.entries(BOUNDED))('%s writes one record at most', async (_path, { at, send }) => {
    await send(at())
    expect(at().store.writes).toBe(1)
  })
})

describe('one address', () => {
  const limited = (at: StartedSystem) =>
    at.another({ limits: { address: ADDRESS }, clientAddress: () => address, revocationLag: 0 })
  const anyAddress = () => `2001:db8:${Math.floor(Math.random() * 65_000).toString(16)}::1`
  beforeEach(() => {
    address = anyAddress()
  })

  test.each([
    ['sealed', () => system],
    ['stored', () => stored],
  ])('cannot revoke nonsense for ever with a new client each time, registrations %s', async (_name, base) => {
    const at = limited(base())
    const clients = await Promise.all(Array.from({ length: ADDRESS + 4 }, () => signingClient(base())))
    base().store.reset()
    const statuses: number[] = []
    for (const client of clients)
      statuses.push((await at.post('/revoke', { token: 'nonsense', ...(await proofOf(client)) })).status)
    expect(statuses.slice(0, ADDRESS - 1)).toEqual(Array(ADDRESS - 1).fill(200))
    expect(statuses.slice(-3)).toEqual([429, 429, 429])
    expect(base().store.writes).toBe(0)
  })

  test.each([
    ['without a code', { grant_type: 'authorization_code' }],
    ['of a type that it may not use', { grant_type: JWT_BEARER, assertion: 'x' }],
    ['with a code that is none', { grant_type: 'authorization_code', code: 'x', code_verifier: 'y' }],
  ])('cannot ask for a token %s for ever with a new client each time', async (_name, params) => {
    const at = limited(system)
    const clients = await Promise.all(Array.from({ length: ADDRESS + 6 }, () => signingClient()))
    const statuses: number[] = []
    for (const client of clients)
      statuses.push((await at.post('/token', { ...params, ...(await proofOf(client)) })).status)
    expect(statuses.slice(-3)).toEqual([429, 429, 429])
  })

  test('that revokes nonsense still registers, signs in, refreshes and revokes', async () => {
    const at = limited(system)
    const other = await register(system)
    const statuses: number[] = []
    for (let again = 0; again < ADDRESS + 3; again++)
      statuses.push((await at.post('/revoke', { token: 'nonsense', client_id: other.id })).status)
    expect(statuses.slice(-2)).toEqual([429, 429])
    const client = await register(at)
    const redeemed = await at.post('/token', redeemParams(client, await signIn(at, client)))
    const { refresh_token: token } = (await redeemed.json()) as Tokens
    const refreshed = await at.post('/token', refreshParams(client, token))
    const next = (await refreshed.json()) as Tokens
    expect((await at.post('/revoke', { client_id: client.id, token: next.refresh_token })).status).toBe(200)
    const ended = await at.post('/token', refreshParams(client, next.refresh_token))
    expect(await outcome(ended)).toEqual([400, 'invalid_grant'])
  })

  test.each(Object.entries(BOUNDED))('%s is refused with 429', async (path) => {
    const at = limited(path === 'POST /register' ? stored : system)
    const sent = async () => {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ redirect_uris: [REDIRECT] })
      return path === 'POST /register'
        ? at.call('/register', { method: 'POST', headers, body })
        : at.post('/consent', { request: 'x' }, { origin: at.url })
    }
    const statuses: number[] = []
    for (let again = 0; again < ADDRESS + 3; again++) statuses.push((await sent()).status)
    expect(statuses.slice(-2)).toEqual([429, 429])
  })
})
