import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError, type ProxyOptions } from 'lockgate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TrustedIssuer, WorkloadRule } from '../../src/options/trusted-issuers.ts'
import { matchesClaims } from '../../src/protocol/claim-rules.ts'
import {
  type AssertionIssuer,
  JWT_BEARER,
  newIssuerKey,
  startAssertionIssuer,
} from '../support/assertion-issuer.ts'
import { connect, guarded, outcome, REDIRECT, type StartedSystem, startSystem } from '../support/system.ts'

const SECRET = 'the secret of a confidential client'
const clients = [
  { clientId: 'confidential', clientSecret: SECRET, redirectUris: [REDIRECT] },
  { clientId: 'public', redirectUris: [REDIRECT] },
]
const scopes = { read: 'Read', write: 'Write' }
const mcp: ProxyOptions['mcp'] = [
  {
    path: '/mcp',
    handler: (_request, auth) =>
      Response.json({
        user: auth.user,
        scopes: auth.scopes,
        client: auth.clientId,
      }),
  },
  { path: '/files', scopes: ['write'], handler: () => new Response('files') },
]

let platform: AssertionIssuer
let system: StartedSystem

const deploy: WorkloadRule = { name: 'deploy', match: { sub: 'job' }, scopes: ['read', 'write'] }
const entry = (changes: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
  issuer: platform.issuer,
  use: ['workload'],
  rules: [deploy],
  ...changes,
})

beforeAll(async () => {
  platform = await startAssertionIssuer()
  system = await startSystem({
    scopes,
    clients,
    mcp,
    revocationLag: 0,
    limits: false,
    trustedIssuers: [entry()],
  })
})
afterAll(() => Promise.all([system.close(), platform.close()]))
beforeEach(() => {
  system.clock.ahead = 0
  system.events.length = 0
  system.store.reset()
})

const now = () => Math.floor(Date.now() / 1000) + system.clock.ahead
const claims = (changes: Record<string, unknown> = {}) => ({
  iss: platform.issuer,
  sub: 'job',
  aud: system.url,
  iat: now(),
  exp: now() + 300,
  ...changes,
})
const mint = (changes: Record<string, unknown> = {}) => platform.sign(claims(changes))
const trusting = (...trustedIssuers: TrustedIssuer[]) => system.another({ trustedIssuers })

const present = (assertion: string, params: Record<string, string> = {}, at = system, headers = {}) =>
  at.post('/token', { grant_type: JWT_BEARER, assertion, ...params }, headers)
const tried = async (...args: Parameters<typeof present>) => outcome(await present(...args))

interface Answer {
  readonly access_token: string
  readonly expires_in: number
  readonly scope: string
}
async function issued(response: Response): Promise<Answer> {
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as Answer
}

interface Told {
  readonly user: { readonly id: string; readonly kind?: string; readonly claims: Record<string, unknown> }
  readonly scopes: string[]
  readonly client: string
}
const told = async (token: string, at = system) => (await (await guarded(at, token)).json()) as Told

const IG = [400, 'invalid_grant']
const IC = [401, 'invalid_client']

describe('a workload at the token endpoint', () => {
  test('needs no client, and gets a token without a refresh token', async () => {
    const answer = await issued(await present(await mint(), { resource: system.mcp }))
    expect(Object.keys(answer).sort()).toEqual([
      'access_token',
      'expires_in',
      'resource',
      'scope',
      'token_type',
    ])
    expect(answer).toMatchObject({ scope: 'read write', expires_in: 3600 })
  })

  test('is announced by the grant alone: there is no profile for it', async () => {
    const response = await system.call('/.well-known/oauth-authorization-server')
    const metadata = (await response.json()) as { grant_types_supported: string[] }
    expect(metadata.grant_types_supported).toContain(JWT_BEARER)
    expect(metadata).not.toHaveProperty('authorization_grant_profiles_supported')
  })

  test('needs a rule: a valid signature gives nothing, and leaves no record', async () => {
    expect(await tried(await mint({ sub: 'another' }))).toEqual(IG)
    expect(system.events.map(({ reason }) => reason)).toEqual(['workload-without-rule'])
    expect(system.store.writes).toBe(0)
  })

  test('is a party of its own, that no person is', async () => {
    const { tokens } = await connect(system, { login: 'job' })
    const person = await told(tokens.access_token)
    const workload = await told((await issued(await present(await mint()))).access_token)
    expect(workload.user).toMatchObject({
      kind: 'workload',
      id: expect.stringMatching(/^workload:[\w-]{22}$/),
    })
    expect(person.user.kind).toBe('person')
    expect(workload.user.id).not.toContain(person.user.id)
    expect(await system.proxy.grants.list(workload.user.id)).toHaveLength(1)
  })

  test('is not judged by allow, which is about people', async () => {
    const strict = system.another({ allow: ['nobody@example.com'] })
    await issued(await present(await mint(), {}, strict))
  })

  test('claims about scopes change nothing', async () => {
    const other = trusting(entry({ rules: [{ ...deploy, scopes: ['read'] }] }))
    const answer = await issued(await present(await mint({ scope: 'write admin' }), {}, other))
    expect(answer.scope).toBe('read')
  })

  test.each<[string, string | undefined, string]>([
    ['all of the rule', undefined, 'read write'],
    ['the requested part', 'read', 'read'],
    ['what is left of more', 'write admin', 'write'],
  ])('gets %s', async (_name, scope, expected) => {
    const answer = await issued(await present(await mint(), scope === undefined ? {} : { scope }))
    expect(answer.scope).toBe(expected)
  })

  test('gets nothing for foreign scopes alone, nor at a server beyond its rule', async () => {
    expect(await tried(await mint(), { scope: 'admin' })).toEqual([400, 'invalid_scope'])
    const one = trusting(entry({ rules: [{ ...deploy, resources: ['/files'] }] }))
    expect(await tried(await mint(), { resource: system.mcp }, one)).toEqual([400, 'invalid_target'])
    const { access_token } = await issued(await present(await mint(), {}, one))
    const headers = { authorization: `Bearer ${access_token}` }
    expect((await one.call('/files', { method: 'POST', headers })).status).toBe(200)
    expect((await one.call('/mcp', { method: 'POST', headers })).status).toBe(401)
  })

  test('has one record for each rule and server, and the lifetime of its rule', async () => {
    const short = trusting(entry({ rules: [{ ...deploy, ttl: 120 }] }))
    const answers: Answer[] = []
    const sub = 'job'
    for (let each = 0; each < 5; each++)
      answers.push(await issued(await present(await mint({ sub }), {}, short)))
    expect(answers[0]!.expires_in).toBe(120)
    const { user } = await told(answers[0]!.access_token, short)
    const grants = await short.proxy.grants.list(user.id)
    expect(
      grants.filter(({ client, resource }) => client === 'workload' && resource === system.mcp).length,
    ).toBe(1)
  })

  test('is named in every event, with its rule', async () => {
    await issued(await present(await mint(), { client_id: 'a name' }))
    const event = system.events.find(({ type }) => type === 'issued')!
    expect(event).toMatchObject({
      client: 'workload',
      detail: `workload of ${platform.issuer} by rule deploy, named client a name`,
    })
  })
})

describe('a client that a workload names', () => {
  test.each<[string, Record<string, string>, unknown]>([
    ['no client', {}, [200, undefined]],
    ['an unknown one', { client_id: 'unknown' }, [200, undefined]],
    ['the address of a document', { client_id: 'https://app.example/client.json' }, [200, undefined]],
    ['a public one', { client_id: 'public' }, [200, undefined]],
    ['a confidential one without its secret', { client_id: 'confidential' }, IC],
    ['a confidential one with a wrong secret', { client_id: 'confidential', client_secret: 'wrong' }, IC],
    ['an unknown one with a secret', { client_id: 'unknown', client_secret: 'x' }, IC],
    [
      'a confidential one with its secret',
      { client_id: 'confidential', client_secret: SECRET },
      [200, undefined],
    ],
  ])('%s', async (_name, params, expected) => {
    expect(await tried(await mint(), params)).toEqual(expected)
  })

  test('with credentials in the header they have to be right', async () => {
    const basic = (secret: string) => ({ authorization: `Basic ${btoa(`confidential:${secret}`)}` })
    expect(await tried(await mint(), {}, system, basic('wrong'))).toEqual(IC)
    expect(await tried(await mint(), {}, system, basic(SECRET))).toEqual([200, undefined])
    expect(await tried(await mint(), {}, system, { authorization: 'Basic ?' })).toEqual(IC)
  })
})

describe('the audience of a workload', () => {
  test.each<[string, (url: string) => unknown, unknown]>([
    ['the issuer', (url) => url, [200, undefined]],
    ['the token endpoint', (url) => `${url}/token`, [200, undefined]],
    ['both', (url) => [url, `${url}/token`], [200, undefined]],
    ['the MCP server', (url) => `${url}/mcp`, IG],
    ['the issuer and another', (url) => [url, 'https://other.example'], IG],
    ['another', () => 'https://other.example', IG],
    ['nobody', () => [], IG],
    ['a slash too much', (url) => `${url}/`, IG],
  ])('%s', async (_name, aud, expected) => {
    expect(await tried(await mint({ aud: aud(system.url) }))).toEqual(expected)
  })

  test('may be set, for platforms that choose it', async () => {
    const guid = '5c1d0000-0000-0000-0000-000000000000'
    const own = trusting(entry({ audience: [guid, 'https://other.example'] }))
    await issued(await present(await mint({ aud: guid }), {}, own))
    await issued(await present(await mint({ aud: [guid, 'https://other.example'] }), {}, own))
    expect(await tried(await mint(), {}, own)).toEqual(IG)
  })

  test('of a grant is not that of a client assertion', async () => {
    const other = system.another({
      clients: [
        { clientId: 'signing', jwks: { keys: [{ ...platform.key.public }] }, redirectUris: [REDIRECT] },
      ],
    })
    const own = { iss: 'signing', sub: 'signing', jti: crypto.randomUUID(), aud: `${system.url}/token` }
    const params = {
      client_id: 'signing',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await platform.sign({ ...own, exp: now() + 60 }),
    }
    expect(await tried(await mint({ aud: `${system.url}/token` }), {}, other)).toEqual([200, undefined])
    expect(await tried(await mint(), params, other)).toEqual(IC)
  })
})

describe('a token of a workload may be used', () => {
  test('again by default, once if the entry says so', async () => {
    const token = await mint({ jti: 'one' })
    await issued(await present(token))
    await issued(await present(token))
    const strict = trusting(entry({ replay: 'refuse' }))
    const once = await mint({ jti: 'two' })
    await issued(await present(once, {}, strict))
    expect(await tried(once, {}, strict)).toEqual(IG)
    expect(await tried(await mint(), {}, strict), 'without an id').toEqual(IG)
  })

  test('for as long as the entry says', async () => {
    const day = { iat: now(), exp: now() + 86_400 }
    expect(await tried(await mint(day))).toEqual(IG)
    await issued(await present(await mint(day), {}, trusting(entry({ maxLifetime: 86_400 }))))
    expect(await tried(await mint({ iat: undefined, exp: now() + 7200 }))).toEqual(IG)
    await issued(await present(await mint({ iat: undefined, exp: now() + 3600 })))
    await issued(await present(await mint({ iat: undefined, nbf: now(), exp: now() + 3600 })))
  })
})

describe('a token of a workload directly at the MCP server', () => {
  let direct: StartedSystem
  beforeAll(() => {
    direct = trusting(entry({ use: ['workload', 'bearer'] }))
  })
  const bearer = (token: string, at = direct, path = '/mcp') =>
    at.call(path, { method: 'POST', headers: { authorization: `Bearer ${token}` } })

  test('is off by default', async () => {
    expect((await bearer(await mint({ aud: system.mcp }), system)).status).toBe(401)
  })

  test('lets it in by its rule', async () => {
    const response = await bearer(await mint({ aud: system.mcp }))
    expect(await response.json()).toMatchObject({
      user: { kind: 'workload', id: expect.stringMatching(/^workload:/) },
      scopes: ['read', 'write'],
      client: 'workload',
    })
  })

  test('is not forwarded to the server behind', async () => {
    const seen: (string | undefined)[] = []
    const behind = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{}')
    })
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(behind.address() as AddressInfo).port}/mcp`
    try {
      const forwarding = direct.another({ mcp: { url }, trustedIssuers: [entry({ use: ['bearer'] })] })
      expect((await bearer(await mint({ aud: system.mcp }), forwarding)).status).toBe(200)
      expect(seen).toEqual([undefined])
    } finally {
      behind.close()
    }
  })

  test('is for this server alone: neither works at the other', async () => {
    expect((await bearer(await mint())).status).toBe(401)
    expect((await bearer(await mint({ aud: `${system.url}/files` }))).status).toBe(401)
    expect(await tried(await mint({ aud: system.mcp }), {}, direct)).toEqual(IG)
  })

  test('is the same party as at the token endpoint', async () => {
    const exchanged = await told((await issued(await present(await mint(), {}, direct))).access_token, direct)
    const shown = (await (await bearer(await mint({ aud: system.mcp }))).json()) as Told
    expect(shown.user.id).toBe(exchanged.user.id)
  })

  test('without a rule is 403 without a challenge for scopes', async () => {
    const response = await bearer(await mint({ aud: system.mcp, sub: 'another' }))
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([403, null])
    const narrow = trusting(entry({ use: ['bearer'], rules: [{ ...deploy, scopes: ['read'] }] }))
    const files = await bearer(await mint({ aud: `${system.url}/files` }), narrow, '/files')
    expect([files.status, files.headers.get('www-authenticate')]).toEqual([403, null])
  })

  test('is refused once it has expired, also if it was verified before', async () => {
    const token = await mint({ aud: system.mcp, exp: now() + 10 })
    expect((await bearer(token)).status).toBe(200)
    system.clock.ahead += 75
    const response = await bearer(token)
    expect(await outcome(response)).toEqual([401, 'invalid_token'])
  })

  test('is verified once a minute, not with each request', async () => {
    const token = await mint({ aud: system.mcp, jti: crypto.randomUUID() })
    const before = system.events.length
    for (let each = 0; each < 5; each++) expect((await bearer(token)).status).toBe(200)
    const used = system.events.slice(before).filter(({ type }) => type === 'api-key-used')
    expect(used).toHaveLength(1)
  })

  test('with a forged signature or unreachable keys', async () => {
    const forged = await platform.sign(claims({ aud: system.mcp }), {}, await newIssuerKey('first'))
    expect(await outcome(await bearer(forged))).toEqual([401, 'invalid_token'])
    const gone = trusting(entry({ use: ['bearer'], issuer: 'http://localhost:1/gone' }))
    const token = await mint({ aud: system.mcp, iss: 'http://localhost:1/gone' })
    const response = await bearer(token, gone)
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
  })
})

describe('a condition', () => {
  const claims = {
    sub: 'repo:acme/app:ref:refs/heads/main',
    ref_protected: 'true',
    id: 7720,
    fork: false,
    groups: ['ops', 'dev'],
    none: [],
    deep: [['dev']],
    objects: [{ name: 'dev' }],
    'kubernetes.io': { namespace: 'agents', serviceaccount: { uid: '9f', name: 'router' } },
    ...(JSON.parse('{"__proto__":"x"}') as object),
    nothing: null,
  }
  test.each<[string, Parameters<typeof matchesClaims>[1], boolean]>([
    ['the whole text', { sub: 'repo:acme/app:ref:refs/heads/main' }, true],
    ['a part of it', { sub: 'repo:acme/app' }, false],
    ['a star up to the next colon', { sub: 'repo:acme/*:ref:refs/heads/*' }, true],
    ['a star does not pass a slash', { sub: 'repo:*:ref:refs/heads/main' }, false],
    ['two stars pass all', { sub: 'repo:acme/**' }, true],
    ['a name that begins alike', { sub: 'repo:acme/ap:**' }, false],
    ['a dot is a dot', { sub: 'repo:acme/app:ref:refs.heads/main' }, false],
    ['a boolean as a text', { ref_protected: true }, true],
    ['a number as a text', { id: '7720' }, true],
    ['a number', { id: 7720 }, true],
    ['false is a value', { fork: false }, true],
    ['one of several', { id: ['1', '7720'] }, true],
    ['none of several', { id: ['1', '2'] }, false],
    ['a value of a list', { groups: 'dev' }, true],
    ['a value of a list and one of several', { groups: ['qa', 'ops'] }, true],
    ['none of a list', { groups: 'qa' }, false],
    ['a list as one text', { groups: 'ops,dev' }, false],
    ['an empty list', { none: '**' }, false],
    ['a list within a list', { deep: 'dev' }, false],
    ['an object within a list', { objects: '**' }, false],
    ['a member', { 'kubernetes.io': { serviceaccount: { uid: '9f' } } }, true],
    ['another member', { 'kubernetes.io': { serviceaccount: { uid: '9e' } } }, false],
    ['an object is no value', { 'kubernetes.io': '**' }, false],
    ['a missing claim', { missing: '*' }, false],
    ['a missing claim, any', { missing: '**' }, false],
    ['null is no value', { nothing: '**' }, false],
    ['an inherited name', { toString: '**' }, false],
    ['all have to hold', { sub: 'repo:acme/**', id: '1' }, false],
  ])('%s', (_name, match, expected) => {
    expect(matchesClaims(claims, match)).toBe(expected)
  })

  test('of an app whose name begins like ours does not match', () => {
    const evil = { sub: 'repo:acme/app-evil:ref:refs/heads/main' }
    expect(matchesClaims(evil, { sub: 'repo:acme/app:*' })).toBe(false)
    expect(matchesClaims(evil, { sub: 'repo:acme/app:**' })).toBe(false)
  })
})

/** Tokens as the platforms make them, but for the key. */
const PLATFORMS: readonly [string, TrustedIssuer, Record<string, unknown>, Record<string, unknown>][] = [
  [
    'GitHub Actions',
    {
      issuer: 'https://token.actions.githubusercontent.com',
      use: ['workload'],
      rules: [
        {
          name: 'prod',
          match: {
            repository_id: '7720',
            repository_owner_id: '901',
            environment: 'prod',
            ref: 'refs/heads/main',
          },
          scopes: ['read'],
        },
      ],
    },
    {
      sub: 'repo:acme@901/app@7720:environment:prod',
      repository: 'acme/app',
      repository_id: '7720',
      repository_owner: 'acme',
      repository_owner_id: '901',
      ref: 'refs/heads/main',
      ref_type: 'branch',
      environment: 'prod',
      event_name: 'push',
      job_workflow_ref: 'acme/ci/.github/workflows/d.yml@refs/heads/main',
      runner_environment: 'github-hosted',
      run_id: '1650',
      actor: 'ann',
      jti: '5b0c',
    },
    { repository_id: '7721' },
  ],
  [
    'GitLab CI',
    {
      issuer: 'https://gitlab.com',
      use: ['workload'],
      rules: [
        {
          name: 'main',
          match: {
            project_id: '20',
            namespace_id: '72',
            ref: 'main',
            ref_type: 'branch',
            ref_protected: true,
          },
          scopes: ['read'],
        },
      ],
    },
    {
      sub: 'project_path:acme/app:ref_type:branch:ref:main',
      namespace_id: '72',
      project_id: '20',
      project_path: 'acme/app',
      ref: 'main',
      ref_type: 'branch',
      ref_protected: 'true',
      pipeline_source: 'push',
      environment: 'prod',
      user_login: 'ann',
      jti: 'c82e',
    },
    { ref_protected: 'false' },
  ],
  ...[
    'https://oidc.eks.eu-west-1.amazonaws.com/id/AB12',
    'https://container.googleapis.com/v1/projects/p/locations/l/clusters/c',
    'https://kubernetes.default.svc.cluster.local',
  ].map((issuer): (typeof PLATFORMS)[number] => [
    `Kubernetes at ${new URL(issuer).host}`,
    {
      issuer,
      use: ['workload'],
      rules: [
        {
          name: 'router',
          match: {
            sub: 'system:serviceaccount:agents:router',
            'kubernetes.io': { serviceaccount: { uid: '9f' } },
          },
          scopes: ['read'],
        },
      ],
    },
    {
      sub: 'system:serviceaccount:agents:router',
      'kubernetes.io': {
        namespace: 'agents',
        pod: { name: 'router-7d', uid: 'x' },
        serviceaccount: { name: 'router', uid: '9f' },
      },
      exp: 3600,
    },
    { 'kubernetes.io': { namespace: 'agents', serviceaccount: { name: 'router', uid: '9e' } } },
  ]),
  [
    'Google',
    {
      issuer: 'https://accounts.google.com',
      use: ['workload'],
      rules: [
        {
          name: 'bot',
          match: { email: 'bot@p.iam.gserviceaccount.com', email_verified: true },
          scopes: ['read'],
        },
      ],
    },
    { azp: '1093', sub: '1093', email: 'bot@p.iam.gserviceaccount.com', email_verified: true, exp: 3600 },
    { email_verified: false },
  ],
  [
    'AWS',
    {
      issuer: 'https://1a2b.tokens.sts.global.api.aws',
      use: ['workload'],
      algorithms: ['RS256', 'ES384'],
      rules: [
        {
          name: 'data',
          match: {
            sub: 'arn:aws:iam::123456789012:role/Data',
            'https://sts.amazonaws.com/': { aws_account: '123456789012' },
          },
          scopes: ['read'],
        },
      ],
    },
    {
      sub: 'arn:aws:iam::123456789012:role/Data',
      jti: 'x',
      'https://sts.amazonaws.com/': {
        aws_account: '123456789012',
        org_id: 'o-abc',
        principal_tags: { env: 'prod' },
      },
    },
    { 'https://sts.amazonaws.com/': { aws_account: '1' } },
  ],
  [
    'Azure',
    {
      issuer: 'https://login.microsoftonline.com/72f9/v2.0',
      use: ['workload'],
      audience: ['5c1d'],
      maxLifetime: 86_400,
      rules: [{ name: 'vm', match: { oid: '8e0a', tid: '72f9' }, scopes: ['read'] }],
    },
    {
      aud: '5c1d',
      tid: '72f9',
      oid: '8e0a',
      sub: '8e0a',
      azp: 'aa11',
      idtyp: 'app',
      ver: '2.0',
      uti: 'x',
      exp: 86_400,
    },
    { oid: '8e0b' },
  ],
  [
    'SPIFFE',
    {
      issuer: 'spiffe://prod.acme',
      use: ['workload'],
      rules: [{ name: 'router', match: { sub: 'spiffe://prod.acme/ns/agents/sa/router' }, scopes: ['read'] }],
    },
    { iss: undefined, sub: 'spiffe://prod.acme/ns/agents/sa/router' },
    { sub: 'spiffe://prod.acme.evil/ns/agents/sa/router' },
  ],
]

describe.each(PLATFORMS)('a token of %s', (name, about, shape, other) => {
  const keys = () => {
    const { use: _, ...key } = { ...platform.key.public, use: undefined }
    return { keys: [name === 'SPIFFE' ? { ...key, use: 'jwt-svid' } : key] }
  }
  const make = (changes: Record<string, unknown> = {}) => {
    const { exp = 300, ...rest } = { ...shape, ...changes }
    const all = {
      iss: about.issuer,
      aud: system.url,
      iat: now(),
      nbf: now(),
      ...rest,
      exp: now() + (exp as number),
    }
    return platform.sign(all, name.startsWith('Kubernetes') ? {} : { typ: 'JWT' })
  }

  test('lets the workload in', async () => {
    const at = trusting({ ...about, jwks: keys() })
    const answer = await issued(await present(await make(), {}, at))
    expect(answer.scope).toBe('read')
  })

  test('of another workload does not', async () => {
    const at = trusting({ ...about, jwks: keys() })
    expect(await tried(await make(other), {}, at)).toEqual(IG)
  })
})

describe('the configuration is refused', () => {
  const GITHUB = 'https://token.actions.githubusercontent.com'
  const of = (
    issuer: string,
    match: WorkloadRule['match'],
    more: Partial<TrustedIssuer> = {},
  ): TrustedIssuer => ({
    issuer,
    use: ['workload'],
    rules: [{ name: 'r', match, scopes: ['read'] }],
    ...more,
  })
  test.each<[string, () => unknown]>([
    ['GitHub by ref alone', () => of(GITHUB, { ref: 'refs/heads/main' })],
    ['GitHub by the name of the owner', () => of(GITHUB, { repository_owner: 'acme' })],
    ['GitHub with a star for the owner', () => of(GITHUB, { sub: 'repo:*/app:**' })],
    ['GitHub with a star for the id', () => of(GITHUB, { repository_owner_id: '*' })],
    ['GitHub with a star among the ids', () => of(GITHUB, { repository_owner_id: ['901', '*'] })],
    ['GitHub of an enterprise', () => of(`${GITHUB}/acme`, { ref: 'refs/heads/main' })],
    ['GitHub with data residency', () => of('https://token.actions.acme.ghe.com', { environment: 'prod' })],
    ['gitlab.com by path', () => of('https://gitlab.com', { project_path: 'acme/app' })],
    ['Google by an unverified address', () => of('https://accounts.google.com', { email: 'a@b.example' })],
    ['Google by nothing', () => of('https://accounts.google.com', { azp: '1' })],
    ['Microsoft by application', () => of('https://login.microsoftonline.com/72f9/v2.0', { idtyp: 'app' })],
    ['Microsoft for all tenants', () => of('https://login.microsoftonline.com/common/v2.0', { oid: '1' })],
    ['Buildkite by branch', () => of('https://agent.buildkite.com', { build_branch: 'main' })],
    ['Terraform by run phase', () => of('https://app.terraform.io', { terraform_run_phase: 'apply' })],
    ['no rules', () => ({ issuer: 'https://a.example', use: ['workload'] })],
    ['an empty rule', () => of('https://a.example', {})],
    [
      'a rule that would vanish',
      () => of('https://a.example', JSON.parse('{"__proto__":"x"}') as object as Record<string, string>),
    ],
    ['an empty list of values', () => of('https://a.example', { sub: [] })],
    ['an unknown scope', () => ({ ...of('https://a.example', { sub: 'x' }), scopes: ['unknown'] })],
    ['an unknown server', () => of('https://a.example', { sub: 'x' }, { resources: ['/unknown'] })],
    ['no use', () => of('https://a.example', { sub: 'x' }, { use: [] })],
    ['an unknown use', () => of('https://a.example', { sub: 'x' }, { use: ['login' as 'bearer'] })],
    ['this server itself', () => of('http://localhost:8787', { sub: 'x' })],
    ['this server with a slash', () => of('http://localhost:8787/', { sub: 'x' })],
    ['http', () => of('http://a.example', { sub: 'x' })],
    ['a wildcard', () => ({ issuer: 'https://identity.anthropic.com/issuers/*', use: ['id-jag'] })],
    [
      'a shared host without its tenant',
      () => ({ issuer: 'https://identity.anthropic.com', use: ['id-jag'] }),
    ],
    ['people of an issuer for anyone', () => ({ issuer: 'https://accounts.google.com', use: ['id-jag'] })],
    ['a trust domain without keys', () => of('spiffe://prod.acme', { sub: 'spiffe://prod.acme/x' })],
    ['free mail', () => ({ issuer: 'https://a.example', use: ['id-jag'], emailDomains: ['gmail.com'] })],
    [
      'an unknown provider',
      () => ({ issuer: 'https://a.example', use: ['id-jag'], sameSubjectsAs: 'unknown' }),
    ],
    ['a shared secret', () => of('https://a.example', { sub: 'x' }, { algorithms: ['HS256'] })],
    [
      'a private key',
      () => of('https://a.example', { sub: 'x' }, { jwks: { keys: [{ kty: 'oct', k: 'x' }] } }),
    ],
    [
      'a bearer token once',
      () => of('https://a.example', { sub: 'x' }, { use: ['bearer'], replay: 'refuse' }),
    ],
    ['a misspelled member', () => ({ ...of('https://a.example', { sub: 'x' }), audiences: ['x'] })],
  ])('for %s', (_name, make) => {
    expect(() => system.another({ trustedIssuers: [make() as TrustedIssuer] })).toThrow(ConfigError)
  })

  test('for a server that needs the token of a provider', () => {
    const mcp = [{ path: '/mcp', url: 'http://localhost:1/mcp', forward: 'upstream-token' as const }]
    const at = (trusted: TrustedIssuer) => () => system.another({ mcp, trustedIssuers: [trusted] })
    expect(at({ issuer: 'https://a.example', use: ['id-jag'] })).toThrow(/trustedIssuers\.0\.resources/)
    expect(at(of('https://a.example', { sub: 'x' }))).toThrow(/trustedIssuers\.0\.rules\.0\.resources/)
  })

  test('for the same issuer and use twice, and for tenants', () => {
    const one = of('https://a.example', { sub: 'x' })
    expect(() => trusting(one, one)).toThrow(ConfigError)
    expect(() => trusting(one, { ...one, use: ['bearer'] })).not.toThrow()
    expect(() => system.another({ upstream: () => undefined, trustedIssuers: [one] })).toThrow(/no tenant/)
  })

  test('and accepted with a pin of the customer', () => {
    for (const match of [
      { repository_id: '1' },
      { repository_owner_id: ['1', '2'] },
      { sub: 'repo:acme/**' },
    ])
      expect(() => trusting(of(GITHUB, match))).not.toThrow()
    expect(() => trusting(of('https://gitlab.acme.com', { ref: 'main' }))).not.toThrow()
  })
})

describe('a claim that would narrow the token is refused, for every kind of assertion:', () => {
  const narrowing: Record<string, unknown>[] = [
    { cnf: { jkt: 'x' } },
    { cnf: { 'x5t#S256': 'x' } },
    { cnf: null },
    { authorization_details: [{ type: 'x' }] },
    { authorization_details: [] },
  ]
  const reason = () => system.events.findLast(({ type }) => type === 'refused')?.reason

  test.each(narrowing)('of a workload at the token endpoint, %j', async (claim) => {
    expect(await tried(await mint(claim))).toEqual(IG)
    expect(reason()).toBe('assertion-claims')
    expect(system.store.writes).toBe(0)
  })

  test.each(narrowing)('of a workload at the MCP server, %j', async (claim) => {
    const direct = trusting(entry({ use: ['bearer'] }))
    const send = async (more: Record<string, unknown>) =>
      guarded(direct, await mint({ aud: system.mcp, ...more }))
    expect((await send({})).status).toBe(200)
    expect((await send(claim)).status).toBe(401)
    expect(reason()).toBe('assertion-claims')
  })

  // An ID-JAG goes through the same check, before the rules of its own.
  test.each(narrowing)('of a person, %j', async (claim) => {
    const ema = trusting({ issuer: platform.issuer, use: ['id-jag'] })
    const idJag = await platform.sign(
      claims({ jti: crypto.randomUUID(), client_id: 'confidential', ...claim }),
      { typ: 'oauth-id-jag+jwt' },
    )
    const headers = { authorization: `Basic ${btoa(`confidential:${encodeURIComponent(SECRET)}`)}` }
    expect(await tried(idJag, {}, ema, headers)).toEqual(IG)
    expect(reason()).toBe('assertion-claims')
  })
})
