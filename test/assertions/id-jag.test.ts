import { ConfigError, type ProxyOptions } from 'lockgate'
import { memory } from 'lockgate/storage/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TrustedIssuer } from '../../src/options/trusted-issuers.ts'
import {
  type AssertionIssuer,
  ID_JAG,
  JWT_BEARER,
  startAssertionIssuer,
} from '../support/assertion-issuer.ts'
import { type DocumentServer, startDocumentServer } from '../support/document-server.ts'
import {
  connect,
  guarded,
  outcome,
  REDIRECT,
  register,
  type StartedSystem,
  signIn,
  startSystem,
} from '../support/system.ts'

const SECRET = 'the secret of an enterprise client'
const clients = [
  { clientId: 'claude', clientSecret: SECRET, redirectUris: [REDIRECT] },
  { clientId: 'other', clientSecret: SECRET, redirectUris: [REDIRECT] },
  { clientId: 'narrow', clientSecret: SECRET, redirectUris: [REDIRECT], scopes: ['read'] },
]
const scopes = {
  read: 'Read',
  write: 'Write',
  delete: 'Delete',
  admin: { description: 'Everything', implies: ['read', 'write'] },
}
const mcp: ProxyOptions['mcp'] = [
  {
    path: '/mcp',
    handler: (_request, auth) =>
      Response.json({
        user: auth.user.id,
        scopes: auth.scopes,
        client: auth.clientId,
        claims: auth.user.claims,
      }),
  },
  { path: '/files', handler: () => new Response('files') },
]

let idp: AssertionIssuer
let documents: DocumentServer
let system: StartedSystem

const entry = (changes: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
  issuer: idp.issuer,
  use: ['id-jag'],
  ...changes,
})

beforeAll(async () => {
  idp = await startAssertionIssuer()
  documents = await startDocumentServer()
  system = await startSystem({
    scopes,
    clients,
    mcp,
    revocationLag: 0,
    trustedIssuers: [entry()],
    clientDocuments: { loopback: true },
    ema: { clients: [`${documents.origin}/listed.json`, `${documents.origin}/signing.json`] },
    limits: false,
  })
})
afterAll(() => Promise.all([system.close(), idp.close(), documents.close()]))
beforeEach(() => {
  system.clock.ahead = 0
  system.events.length = 0
  system.store.reset()
})

const now = () => Math.floor(Date.now() / 1000) + system.clock.ahead
const claims = (changes: Record<string, unknown> = {}) => ({
  iss: idp.issuer,
  sub: 'ann',
  aud: system.url,
  client_id: 'claude',
  jti: crypto.randomUUID(),
  iat: now(),
  exp: now() + 300,
  scope: 'read write',
  resource: system.mcp,
  ...changes,
})
const mint = (changes: Record<string, unknown> = {}) => idp.sign(claims(changes), ID_JAG)

type Params = Record<string, string> | [string, string][]
const present = (assertion: string, params: Params = {}, at: StartedSystem = system) =>
  at.post(
    '/token',
    new URLSearchParams([
      ...Object.entries({
        grant_type: JWT_BEARER,
        client_id: 'claude',
        client_secret: SECRET,
        assertion,
      }).filter(([name]) => !(name in params)),
      ...(Array.isArray(params) ? params : Object.entries(params)),
    ]),
  )
const tried = async (assertion: string, params: Params = {}, at?: StartedSystem) =>
  outcome(await present(assertion, params, at))

interface Answer {
  readonly access_token: string
  readonly expires_in: number
  readonly scope: string
  readonly resource: string
}
async function issued(response: Response): Promise<Answer> {
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as Answer
}

const IG = [400, 'invalid_grant']
const IT = [400, 'invalid_target']
const reasons = () => system.events.flatMap(({ type, reason }) => (type === 'refused' ? [reason] : []))
const metadata = async (at: StartedSystem) =>
  (await (await at.call('/.well-known/oauth-authorization-server')).json()) as Record<string, string[]>

describe('the grant', () => {
  test('does not exist while no issuer is trusted, and the metadata is silent', async () => {
    const off = system.another({ trustedIssuers: [], ema: undefined })
    expect(await tried(await mint(), {}, off)).toEqual([400, 'unsupported_grant_type'])
    const { grant_types_supported, ...rest } = await metadata(off)
    expect(grant_types_supported).toEqual(['authorization_code', 'refresh_token'])
    expect(rest).not.toHaveProperty('authorization_grant_profiles_supported')
  })

  test('is announced with its profile while it is on, without a word about issuers', async () => {
    const all = await metadata(system)
    expect(all.grant_types_supported).toContain(JWT_BEARER)
    expect(all.authorization_grant_profiles_supported).toEqual(['urn:ietf:params:oauth:grant-profile:id-jag'])
    expect(JSON.stringify(all)).not.toContain(idp.issuer)
  })

  test('needs an issuer', () => {
    expect(() => system.another({ trustedIssuers: [] })).toThrow(ConfigError)
  })

  test('gives a token without a refresh token, for an hour', async () => {
    const answer = await issued(await present(await mint()))
    expect(Object.keys(answer).sort()).toEqual([
      'access_token',
      'expires_in',
      'resource',
      'scope',
      'token_type',
    ])
    expect(answer).toMatchObject({ scope: 'read write', resource: system.mcp, expires_in: 3600 })
    const told = (await (await guarded(system, answer.access_token)).json()) as Record<string, unknown>
    expect(told).toMatchObject({ client: 'claude', scopes: ['read', 'write'] })
    const short = system.another({ ema: { accessTtl: 900 } })
    expect((await issued(await present(await mint(), {}, short))).expires_in).toBe(900)
  })
})

describe('the client', () => {
  test('is authenticated first, and a failure leaves the assertion usable', async () => {
    const assertion = await mint()
    expect(await tried(assertion, { client_secret: 'wrong' })).toEqual([401, 'invalid_client'])
    await issued(await present(assertion))
  })

  test('is not one that registered itself', async () => {
    const { id } = await register(system)
    const assertion = await mint({ client_id: id })
    const params = { client_id: id, client_secret: '' }
    expect(await tried(assertion, params)).toEqual([400, 'unauthorized_client'])
  })

  test('may be a document that the operator lists, and no other', async () => {
    const listed = documents.publish('/listed.json')
    const answer = await present(await mint({ client_id: listed }), { client_id: listed, client_secret: '' })
    await issued(answer)
    const unlisted = documents.publish('/unlisted.json')
    documents.asked.length = 0
    const refused = await tried(await mint({ client_id: unlisted }), {
      client_id: unlisted,
      client_secret: '',
    })
    expect(refused).toEqual([400, 'unauthorized_client'])
    expect(documents.asked).toEqual([])
  })

  test('with a document that says it signs has to sign', async () => {
    const jwks = { keys: [idp.key.public] }
    const id = documents.publish('/signing.json', { token_endpoint_auth_method: 'private_key_jwt', jwks })
    const bare = await tried(await mint({ client_id: id }), { client_id: id, client_secret: '' })
    expect(bare).toEqual([401, 'invalid_client'])
    const own = { iss: id, sub: id, aud: system.url, jti: crypto.randomUUID(), exp: now() + 60, iat: now() }
    const signed = await present(await mint({ client_id: id }), {
      client_id: id,
      client_secret: '',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await idp.sign(own),
    })
    await issued(signed)
  })

  test('whose document wishes for the grant signs users in as ever while it is off', async () => {
    const off = system.another({ trustedIssuers: [], ema: undefined })
    const id = documents.publish('/wishing.json', {
      grant_types: ['authorization_code', 'refresh_token', JWT_BEARER],
    })
    const { code } = await signIn(off, { id, secret: undefined, redirectUri: REDIRECT })
    expect(code).not.toBe('')
  })

  test('may have a document that lists this grant alone', async () => {
    const id = documents.publish(
      '/listed.json',
      { grant_types: [JWT_BEARER] },
      { 'cache-control': 'no-store' },
    )
    system.clock.ahead += 4000
    await issued(await present(await mint({ client_id: id }), { client_id: id, client_secret: '' }))
  })

  test('is the one that the assertion names; another one does not use it up', async () => {
    const assertion = await mint()
    expect(await tried(assertion, { client_id: 'other' })).toEqual(IG)
    expect(reasons()).toEqual(['assertion-of-another-client'])
    await issued(await present(assertion))
  })
})

describe('the request', () => {
  test.each<[string, Params]>([
    ['no assertion', [['assertion', '']]],
    [
      'two scopes',
      [
        ['scope', 'read'],
        ['scope', 'write'],
      ],
    ],
  ])('with %s is invalid', async (_name, params) => {
    const form = new URLSearchParams({ grant_type: JWT_BEARER, client_id: 'claude', client_secret: SECRET })
    for (const [name, value] of params as [string, string][]) form.append(name, value)
    expect(await outcome(await system.post('/token', form))).toEqual([400, 'invalid_request'])
  })

  test('with two assertions is invalid, and uses neither up', async () => {
    const assertion = await mint()
    expect(
      await tried(assertion, [
        ['assertion', assertion],
        ['assertion', assertion],
      ]),
    ).toEqual([400, 'invalid_request'])
    await issued(await present(assertion))
  })

  test('has the assertion in its body, never in its address', async () => {
    const assertion = await mint()
    const form = { grant_type: JWT_BEARER, client_id: 'claude', client_secret: SECRET }
    expect(await outcome(await system.post(`/token?assertion=${assertion}`, form))).toEqual([
      400,
      'invalid_request',
    ])
  })
})

describe('the audience', () => {
  test.each<[string, (url: string) => unknown]>([
    ['the issuer', (url) => url],
    ['a list of the issuer alone', (url) => [url]],
  ])('may be %s', async (_name, aud) => {
    await issued(await present(await mint({ aud: aud(system.url) })))
  })

  test.each<[string, (url: string) => unknown]>([
    ['a list with another', (url) => [url, 'https://x.example']],
    ['an empty list', () => []],
    ['the issuer with a slash', (url) => `${url}/`],
    ['the token endpoint', (url) => `${url}/token`],
    ['the MCP server', (url) => `${url}/mcp`],
    ['another spelling of the host', (url) => url.replace('localhost', 'LOCALHOST')],
  ])('is not %s', async (_name, aud) => {
    const value = aud(system.url)
    expect(await tried(await mint({ aud: value }))).toEqual(IG)
    expect(reasons()).toEqual(['assertion-audience'])
    const { detail } = system.events.find(({ reason }) => reason === 'assertion-audience')!
    expect(detail).toContain(`expected ${system.url}, received`)
  })

  test('is the one of the entry, if the issuer cannot send the usual one', async () => {
    const own = system.another({ trustedIssuers: [entry({ audience: ['lockgate'] })] })
    await issued(await present(await mint({ aud: 'lockgate' }), {}, own))
    expect(await tried(await mint(), {}, own)).toEqual(IG)
  })
})

describe('the claims:', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['no jti', { jti: undefined }, 'assertion-claims'],
    ['an empty jti', { jti: '' }, 'assertion-claims'],
    ['an endless jti', { jti: 'x'.repeat(600) }, 'assertion-claims'],
    ['no iat', { iat: undefined }, 'assertion-claims'],
    ['no client', { client_id: undefined }, 'assertion-of-another-client'],
    ['a client in a list', { client_id: ['claude'] }, 'assertion-of-another-client'],
    ['a key to prove', { cnf: { jkt: 'x' } }, 'assertion-claims'],
    ['authorization details', { authorization_details: [{ type: 'x' }] }, 'assertion-claims'],
    ['a scope in a list', { scope: ['read'] }, 'assertion-claims'],
    ['a malformed scope', { scope: 'read "write"' }, 'assertion-claims'],
    ['a resource that is no text', { resource: 7 }, 'assertion-claims'],
    ['an empty list of resources', { resource: [] }, 'assertion-claims'],
    ['a resource of another server', { resource: 'https://other.example/mcp' }, 'assertion-resource'],
    ['a resource that is no address', { resource: 'mcp' }, 'assertion-resource'],
    ['a path below ours', { resource: 'http://localhost:8787/mcp/other' }, 'assertion-resource'],
    ['a tenant that is no text', { tenant: {} }, 'assertion-claims'],
    ['a tenant of ours that is no text', { aud_tenant: ['acme'] }, 'assertion-claims'],
    ['ten minutes of life', { exp: Math.floor(Date.now() / 1000) + 660 }, 'assertion-expired'],
  ])('%s is refused, and stores nothing', async (_name, changes, reason) => {
    expect(await tried(await mint(changes))).toEqual(IG)
    expect(reasons()).toEqual([reason])
    expect(system.store.writes).toBe(0)
  })

  test('unknown ones are ignored, those about the person are told to the server, an actor is not the person', async () => {
    const extra = {
      aud_tenant: 'acme',
      aud_sub: 'x',
      sub_id: { format: 'saml-nameid' },
      act: { sub: 'agent' },
      amr: ['mfa'],
      acr: '2',
    }
    const plain = await issued(await present(await mint()))
    const rich = await issued(await present(await mint(extra)))
    const told = await Promise.all(
      [plain, rich].map(async ({ access_token }) => (await guarded(system, access_token)).json()),
    )
    expect(told[1].user).toBe(told[0].user)
    expect(told[1].claims).toEqual({ amr: ['mfa'], acr: '2' })
    expect(system.events.findLast(({ type }) => type === 'issued')?.detail).toMatch(/actor [\w-]{22}$/)
  })
})

describe('the resource', () => {
  const files = () => `${system.url}/files`
  test.each<[string, () => unknown, () => [string, string][], () => string | readonly unknown[]]>([
    ['of the claim alone', () => files(), () => [], () => files()],
    ['of a claim with foreign ones', () => ['https://x.example', files()], () => [], () => files()],
    ['of a claim with several', () => [system.mcp, files()], () => [], () => IT],
    ['of both', () => [system.mcp, files()], () => [['resource', files()]], () => files()],
    ['of the request against the claim', () => system.mcp, () => [['resource', files()]], () => IT],
    ['of the request alone', () => undefined, () => [['resource', files()]], () => files()],
    ['of neither is the first server', () => undefined, () => [], () => system.mcp],
    ['unknown', () => undefined, () => [['resource', 'https://x.example/mcp']], () => IT],
    [
      'of two in the request',
      () => undefined,
      () => [
        ['resource', files()],
        ['resource', system.mcp],
      ],
      () => IT,
    ],
    [
      'in another spelling',
      () => `${system.mcp.replace('localhost', 'LOCALHOST')}/`,
      () => [],
      () => system.mcp,
    ],
  ])('%s', async (_name, claim, params, expected) => {
    const response = await present(await mint({ resource: claim() }), params())
    const wanted = expected()
    if (typeof wanted !== 'string') return expect(await outcome(response)).toEqual(wanted)
    const { access_token, resource } = await issued(response)
    expect(resource).toBe(wanted)
    const path = new URL(wanted).pathname
    const headers = { authorization: `Bearer ${access_token}` }
    expect((await system.call(path, { method: 'POST', headers })).status).toBe(200)
    const other = path === '/mcp' ? '/files' : '/mcp'
    expect((await system.call(other, { method: 'POST', headers })).status).toBe(401)
  })

  test('is limited by the entry', async () => {
    const one = system.another({ trustedIssuers: [entry({ resources: ['/mcp'] })] })
    expect(await tried(await mint({ resource: files() }), {}, one)).toEqual(IG)
    expect((await issued(await present(await mint({ resource: undefined }), {}, one))).resource).toBe(
      system.mcp,
    )
  })
})

describe('the scope', () => {
  test.each<[string | undefined, string | undefined, string]>([
    ['read write', 'write delete', 'write'],
    [undefined, 'read delete', 'read delete'],
    ['read', undefined, 'read'],
    ['read unknown', 'read unknown', 'read'],
    ['read', 'admin', 'read'],
    ['admin', 'read', 'read'],
    ['admin', 'admin', 'admin'],
    [undefined, undefined, 'read write delete'],
  ])('requested %s, asserted %s: %s', async (scope, asserted, expected) => {
    const answer = await issued(
      await present(await mint({ scope: asserted }), scope === undefined ? {} : { scope }),
    )
    expect(answer.scope).toBe(expected)
  })

  test.each([
    ['read', 'write'],
    ['unknown', 'read'],
    ['delete', 'admin'],
  ])('requested %s, asserted %s: nothing is left', async (scope, asserted) => {
    const assertion = await mint({ scope: asserted })
    expect(await tried(assertion, { scope })).toEqual([400, 'invalid_scope'])
    expect(system.store.writes).toBe(0)
  })

  test('is limited by the entry and by the client', async () => {
    const capped = system.another({ trustedIssuers: [entry({ scopes: ['write'] })] })
    expect((await issued(await present(await mint(), {}, capped))).scope).toBe('write')
    const narrow = await present(await mint({ client_id: 'narrow' }), { client_id: 'narrow' })
    expect((await issued(narrow)).scope).toBe('read')
  })
})

describe('an assertion counts once:', () => {
  test('of twenty at once, at three instances, one gets a token', async () => {
    const assertion = await mint()
    const twins = [system, system.another(), system.another()]
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => tried(assertion, {}, twins[index % 3])),
    )
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1)
    expect(answers.filter(([, code]) => code === 'invalid_grant')).toHaveLength(19)
    expect(new Set(reasons())).toEqual(new Set(['assertion-replayed']))
  })

  test('the same id of another issuer is another assertion', async () => {
    const second = await startAssertionIssuer()
    try {
      const both = system.another({
        trustedIssuers: [entry(), { issuer: second.issuer, use: ['id-jag'], id: 'second' }],
      })
      const jti = crypto.randomUUID()
      await issued(await present(await mint({ jti }), {}, both))
      const other = await second.sign(claims({ jti, iss: second.issuer }), ID_JAG)
      await issued(await present(other, {}, both))
    } finally {
      await second.close()
    }
  })

  test('unless the entry allows it again', async () => {
    const lax = system.another({ trustedIssuers: [entry({ replay: 'allow' })] })
    const assertion = await mint()
    await issued(await present(assertion, {}, lax))
    await issued(await present(assertion, {}, lax))
  })

  test('an eventually consistent storage cannot refuse a second use, so the entry has to allow it', () => {
    const storage = { ...memory(), consistency: 'eventual' as const }
    const start = (changes: Partial<TrustedIssuer>) =>
      system.another({ storage, trustedIssuers: [entry(changes)] })
    expect(() => start({})).toThrow(/trustedIssuers\.0\.replay/)
    expect(() => start({ replay: 'allow' })).not.toThrow()
  })
})

describe('the person', () => {
  const userOf = async (token: string, at = system): Promise<string> =>
    ((await (await guarded(at, token)).json()) as { user: string }).user

  test('is judged by allow each time, before the assertion is used up', async () => {
    let admitted = false
    const judged = system.another({ allow: ({ subject }) => admitted && subject === 'ann' })
    const assertion = await mint()
    const refused = await present(assertion, {}, judged)
    expect(await refused.clone().text()).toBe(
      '{"error":"invalid_grant","error_description":"The assertion was not accepted"}',
    )
    expect(await outcome(refused)).toEqual(IG)
    expect(system.events.map(({ type }) => type)).toContain('turned-away')
    admitted = true
    await issued(await present(assertion, {}, judged))
    admitted = false
    expect(await tried(await mint(), {}, judged)).toEqual(IG)
  })

  test('is the one of the interactive sign-in only if the entry says so', async () => {
    const { tokens } = await connect(system, { login: 'ann' })
    const interactive = await userOf(tokens.access_token)
    const apart = await issued(await present(await mint()))
    expect(await userOf(apart.access_token)).not.toBe(interactive)
    const same = system.another({ trustedIssuers: [entry({ sameSubjectsAs: 'oidc' })] })
    const together = await issued(await present(await mint(), {}, same))
    expect(await userOf(together.access_token, same)).toBe(interactive)
  })

  test('counts by e-mail only within the domains of the entry', async () => {
    const withDomain = system.another({
      allow: ['@acme.com', '@other.com'],
      trustedIssuers: [entry({ emailDomains: ['acme.com'] })],
    })
    await issued(await present(await mint({ email: 'Ann@ACME.com' }), {}, withDomain))
    for (const email of ['bob@other.com', 'bob@acme.com.evil.example', 'ann@аcme.com', 7, undefined])
      expect(await tried(await mint({ email }), {}, withDomain), String(email)).toEqual(IG)
    for (const email_verified of [false, 'false', 'no', 0, null, 'true'])
      expect(await tried(await mint({ email: 'a@acme.com', email_verified }), {}, withDomain)).toEqual(IG)
    const without = system.another({ allow: ['@acme.com'] })
    expect(await tried(await mint({ email: 'ann@acme.com', email_verified: true }), {}, without)).toEqual(IG)
  })

  test('is not the one that a rule for the provider means', async () => {
    expect(() => system.another({ allow: ['sub:ann'] })).toThrow(/means different users/)
    const named = (rule: string) => system.another({ allow: [rule], trustedIssuers: [entry({ id: 'acme' })] })
    await issued(await present(await mint(), {}, named('acme/sub:ann')))
    expect(await tried(await mint(), {}, named('oidc/sub:ann'))).toEqual(IG)
  })

  describe('of a SAML identity provider', () => {
    const saml = 'https://saml.acme.example/metadata'
    const nameid = (changes: Record<string, unknown> = {}) => ({
      sub_id: { format: 'saml-nameid', issuer: saml, nameid: 'ann', ...changes },
    })
    const mapped = (changes: Partial<TrustedIssuer> = {}) =>
      system.another({ trustedIssuers: [entry({ samlIssuer: saml, ...changes })] })

    test.each(['saml-nameid', 'saml_nameid'])('is the NameID, not the subject (%s)', async (format) => {
      const at = mapped({ sameSubjectsAs: 'oidc' })
      const { tokens } = await connect(system, { login: 'ann' })
      const interactive = await userOf(tokens.access_token)
      const answer = await issued(await present(await mint({ sub: '00u1', ...nameid({ format }) }), {}, at))
      expect(await userOf(answer.access_token, at)).toBe(interactive)
      const other = await issued(
        await present(await mint({ sub: 'ann', ...nameid({ nameid: 'bob' }) }), {}, at),
      )
      expect(await userOf(other.access_token, at)).not.toBe(interactive)
    })

    test.each<[string, Record<string, unknown>]>([
      ['no sub_id', {}],
      ['a text', { sub_id: 'ann' }],
      ['another format', nameid({ format: 'email' })],
      ['another SAML issuer', nameid({ issuer: 'https://saml.evil.example/metadata' })],
      ['no SAML issuer', nameid({ issuer: undefined })],
      ['no NameID', nameid({ nameid: '' })],
      [
        'a NameID for one session',
        nameid({ nameid_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }),
      ],
    ])('is not known by %s: refused, and the assertion is not used up', async (_what, changes) => {
      const at = mapped()
      const assertion = await mint(changes)
      expect(await tried(assertion, {}, at)).toEqual(IG)
      expect(reasons()).toEqual(['assertion-claims'])
      await issued(await present(assertion))
    })

    test('is for ID-JAGs only', () => {
      const workload = { rules: [{ name: 'a', match: { sub: 'a' }, scopes: ['read'] }] }
      expect(() => mapped({ use: ['workload'], ...workload })).toThrow(/samlIssuer/)
    })
  })

  test('of another tenant of the issuer is another one', async () => {
    const users = new Set<string>()
    for (const tenant of [undefined, 'one', 'two'])
      users.add(await userOf((await issued(await present(await mint({ tenant })))).access_token))
    expect(users.size).toBe(3)
  })

  test('has one grant for each client and server, however often it is exchanged', async () => {
    const sub = crypto.randomUUID()
    const answers: Answer[] = []
    for (let each = 0; each < 10; each++) answers.push(await issued(await present(await mint({ sub }))))
    answers.push(
      ...(await Promise.all(
        Array.from({ length: 40 }, async () => issued(await present(await mint({ sub })))),
      )),
    )
    const user = await userOf(answers[0]!.access_token)
    expect(await system.proxy.grants.list(user)).toHaveLength(1)
    await issued(await present(await mint({ sub, client_id: 'other' }), { client_id: 'other' }))
    expect(await system.proxy.grants.list(user)).toHaveLength(2)
    for (const { access_token } of answers) expect((await guarded(system, access_token)).status).toBe(200)
  })

  test('has one grant also if the first exchanges come at once', async () => {
    const sub = crypto.randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => issued(await present(await mint({ sub })))),
    )
    const user = await userOf(answers[0]!.access_token)
    expect(await system.proxy.grants.list(user)).toHaveLength(1)
    for (const { access_token } of answers) expect((await guarded(system, access_token)).status).toBe(200)
  })

  test('loses every token when the grant is revoked, and no later exchange revives one', async () => {
    const sub = crypto.randomUUID()
    const before = await issued(await present(await mint({ sub })))
    const user = await userOf(before.access_token)
    const [grant] = await system.proxy.grants.list(user)
    await system.proxy.grants.revoke({ user, id: grant!.id })
    expect((await guarded(system, before.access_token)).status).toBe(401)
    const after = await issued(await present(await mint({ sub })))
    expect((await guarded(system, after.access_token)).status).toBe(200)
    expect((await guarded(system, before.access_token)).status).toBe(401)
  })

  test('loses every token when the issuer is not trusted any more', async () => {
    const { access_token } = await issued(await present(await mint()))
    const off = system.another({ trustedIssuers: [], ema: undefined })
    expect((await guarded(off, access_token)).status).toBe(401)
  })
})

test('another tenant of a shared host is another issuer', async () => {
  expect(await tried(await mint({ iss: `${idp.server.origin}/other` }))).toEqual(IG)
  expect(reasons()).toEqual(['assertion-issuer-unknown'])
})

test('many bad assertions of a client from one address are limited', async () => {
  const limited = system.another({ limits: {}, clientAddress: () => '203.0.113.7' })
  const statuses: number[] = []
  let last: Response | undefined
  for (let each = 0; each < 50; each++) {
    last = await present(await mint({ aud: 'x' }), {}, limited)
    statuses.push(last.status)
  }
  expect(new Set(statuses)).toEqual(new Set([400, 429]))
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
})
