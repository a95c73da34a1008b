import { ConfigError, createProxy, type ProxyOptions } from 'lockgate'
import { apple } from 'lockgate/providers/apple'
import { google } from 'lockgate/providers/google'
import { microsoft } from 'lockgate/providers/microsoft'
import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { describe, expect, test } from 'vitest'

const RIGHT = {
  url: 'http://localhost:8787',
  secret: 'k9Zq3vT8xW1nB5yR7mC4pL6sD2fG0hJq',
  upstream: google({ clientId: 'id', clientSecret: 'secret' }),
  storage: memory(),
  mcp: 'http://localhost:3000/mcp',
}

/** Returns the issues of a proxy with these options, by path. */
function issuesOf(options: object): Record<string, string> {
  try {
    createProxy({ ...RIGHT, ...options } as ProxyOptions)
    return {}
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Object.fromEntries(error.issues.map(({ path, message }) => [path, message]))
  }
}

test.each([
  ['scopes', { scopes: new Map([['read', 'Read']]) }],
  ['limits', { limits: new Map([['address', 5]]) }],
  ['mcp', { mcp: new Map([['url', RIGHT.mcp]]) }],
  ['mcp.tools', { mcp: { url: RIGHT.mcp, tools: new Map([['delete_*', 'deny']]) } }],
  ['mcp.resources', { mcp: { url: RIGHT.mcp, resources: new Set(['file:///*']) } }],
  ['mcp.public', { mcp: { url: RIGHT.mcp, public: new Map([['tools', ['search']]]) } }],
  ['mcp.audit', { mcp: { url: RIGHT.mcp, audit: new Map() } }],
])('a Map has no members, so that it is refused and its entries are not lost: %s', (path, options) => {
  expect(Object.keys(issuesOf(options)).map((one) => one.replace('mcp.0', 'mcp'))).toContain(path)
})

describe('an option that is undefined', () => {
  test('counts as not set, at every depth', () => {
    const names = [
      'allow name theme texts account scopes clients apiKeys verifyApiKey apiKeyTtl registration registrationTtl',
      'dangerouslyAcceptProviderTokens dangerouslyAllowWeakSecret registrationPolicy clientDocuments redirectUris',
      'accessTokenTtl codeTtl refreshTtl refreshGrace grantTtl signInTtl revocationLag limits clientAddress',
      'trustProxy origins on metrics fetch now discovery',
    ]
    const nothing = names
      .join(' ')
      .split(' ')
      .map((name) => [name, undefined])
    expect(issuesOf(Object.fromEntries(nothing))).toEqual({})
    const nested = {
      limits: { address: undefined, limiter: undefined },
      theme: { name: undefined, logo: undefined },
      texts: { allow: undefined },
      redirectUris: { customSchemes: undefined },
      clientDocuments: { hosts: undefined },
      discovery: { atRoot: undefined },
      fetch: { mcp: undefined },
      on: { event: undefined },
      scopes: { mcp: { description: 'Use it', upstream: undefined }, later: undefined },
      clients: [
        { clientId: 'a', redirectUris: ['http://localhost/'], clientSecret: undefined, name: undefined },
      ],
      apiKeys: [{ name: 'a', keyHash: '0'.repeat(64), user: undefined, scopes: undefined }],
      mcp: [{ url: RIGHT.mcp, name: undefined, handler: undefined, path: undefined, forward: undefined }],
    } satisfies Partial<ProxyOptions>
    expect(issuesOf(nested)).toEqual({})
  })

  test('leaves the default in place', async () => {
    const proxy = createProxy({ ...RIGHT, texts: { accountTitle: undefined }, account: undefined })
    const page = await (await proxy.fetch(new Request('http://localhost:8787/account'))).text()
    expect(page).toContain('Connected apps')
  })

  test('is reported for an option that is required', () => {
    expect(issuesOf({ secret: undefined, mcp: undefined, upstream: undefined, storage: undefined })).toEqual({
      secret: 'is required',
      mcp: 'is required',
      upstream: 'is required',
      storage: 'is required',
    })
  })
})

describe('wrong options', () => {
  test('are reported all at once, by their full paths', () => {
    const issues = issuesOf({
      url: 'http://mcp.example.com',
      storag: memory(),
      codeTtl: 601,
      limits: { address: 0, user: 'many', adress: 3 },
      mcp: [
        { url: 'ftp://x', forwrd: 'nothing' },
        { path: 'x', handler: () => new Response() },
      ],
      scopes: { admin: { descripton: 'x' } },
      clients: [{ clientID: 'x', redirectUris: ['ftp://x'] }],
      apiKeys: [{ name: '', keyHash: 'x' }],
      upstream: [
        google({ clientId: '', clientSecret: 's' } as never),
        microsoft({ clientId: 'x', tenant: '//' }),
      ],
      allow: ['acme'],
      clientDocuments: { loopback: 'yes' },
      theme: { accent: 'red', nme: 'x' },
      on: { event: [1] },
      trustProxy: 1.5,
    })
    expect(Object.keys(issues).sort()).toEqual(
      [
        'allow.0',
        'apiKeys.0.keyHash',
        'apiKeys.0.name',
        'clientDocuments.loopback',
        'clients.0.clientID',
        'clients.0.clientId',
        'clients.0.redirectUris.0',
        'codeTtl',
        'limits.address',
        'limits.adress',
        'limits.user',
        'mcp.0.forwrd',
        'mcp.0.url',
        'mcp.1.path',
        'on.event.0',
        'scopes.admin.description',
        'scopes.admin.descripton',
        'storag',
        'theme.accent',
        'theme.nme',
        'trustProxy',
        'upstream.0.clientId',
        'upstream.1.tenant',
        'url',
      ].sort(),
    )
  })

  test('do not keep the rules between the others from being checked', () => {
    const known = 'names `unknown`, which `scopes` does not have'
    const issues = issuesOf({
      codeTtl: 'x',
      mcp: { url: RIGHT.mcp, scopes: ['unknown'], upstream: 'nowhere' },
      clients: [{ clientId: 'a', redirectUris: ['http://localhost/'], scopes: ['unknown'] }],
    })
    expect(issues).toEqual({
      codeTtl: 'expected a number',
      'mcp.scopes': known,
      'mcp.upstream': 'names `nowhere`, which `upstream` does not have',
      'clients.0.scopes': known,
    })
  })

  test.each([
    [
      { a: { description: 'x', implies: ['b'] } },
      'names `b`, which `scopes` does not have; did you mean `a`?',
    ],
    [
      { a: { description: 'x', implies: ['b'] }, b: { description: 'x', implies: ['a'] } },
      'leads back to the same scope: remove one of the links',
    ],
    [{ a: { description: 'x', implies: ['a'] } }, 'leads back to the same scope: remove one of the links'],
  ])('name a hierarchy of scopes that cannot be resolved', (scopes, message) => {
    expect(issuesOf({ scopes })).toEqual({ 'scopes.a.implies': message })
  })

  test('cause no issue that only follows from them', () => {
    const issues = issuesOf({ scopes: { 'a b': 'x' }, mcp: { url: RIGHT.mcp, scopes: ['admin'] } })
    expect(Object.keys(issues)).toEqual(['scopes.a b'])
  })

  test('are one issue if there are no options at all', () => {
    expect(() => createProxy(undefined as never)).toThrow(/options: expected an object/)
    expect(() => createProxy([] as never)).toThrow(/options: expected an object/)
  })
})

describe('an unknown name', () => {
  test.each<[object, string, string]>([
    [{ secrets: 1 }, 'secrets', 'secret'],
    [{ mcp: { url: RIGHT.mcp, forwrd: 'nothing' } }, 'mcp.forwrd', 'forward'],
    [{ mcp: [{ uri: RIGHT.mcp }] }, 'mcp.0.uri', 'url'],
    [{ limits: { adress: 3 } }, 'limits.adress', 'address'],
    [{ scopes: { a: { descripton: 'x' } } }, 'scopes.a.descripton', 'description'],
    [{ clients: [{ client_id: 'x', redirectUris: [] }] }, 'clients.0.client_id', 'clientId'],
    [{ clients: [{ clientId: 'x', redirect_uris: [] }] }, 'clients.0.redirect_uris', 'redirectUris'],
    [{ redirectUris: { customScheme: true } }, 'redirectUris.customScheme', 'customSchemes'],
    [{ theme: { acent: '#1f5fd0' } }, 'theme.acent', 'accent'],
    [{ texts: { consentTitel: 'x' } }, 'texts.consentTitel', 'consentTitle'],
    [{ clientDocuments: { host: [] } }, 'clientDocuments.host', 'hosts'],
    [{ discovery: { belowpath: true } }, 'discovery.belowpath', 'belowPath'],
    [{ apiKeys: [{ name: 'x', keyhash: '' }] }, 'apiKeys.0.keyhash', 'keyHash'],
    [{ on: { events: () => {} } }, 'on.events', 'event'],
    [{ fetch: { provder: fetch } }, 'fetch.provder', 'provider'],
    [{ upstream: { login: '/x', nmae: 'x' } }, 'upstream.nmae', 'name'],
    [
      { upstream: oidc({ issuer: 'https://a.example', clientID: 'x' } as never) },
      'upstream.clientID',
      'clientId',
    ],
    [{ upstream: google({ clientId: 'x', clientSecret: 'y', dh: 'z' } as never) }, 'upstream.dh', 'hd'],
  ])('%j is reported with the one that was meant', (options, path, meant) => {
    expect(issuesOf(options)[path]).toMatch(new RegExp(`; did you mean \`${meant}\`\\?$`))
  })

  test('that resembles no option is reported without a guess', () => {
    expect(issuesOf({ zzz: 1 })).toEqual({ zzz: 'is not an option' })
    const upstream = google({ clientId: 'x', clientSecret: 'y', hostedDomain: 'acme.test' } as never)
    expect(issuesOf({ upstream })).toEqual({ 'upstream.hostedDomain': 'is not an option' })
  })

  test('is reported for each one, not only the first', () => {
    const issues = issuesOf({ limits: { a1: 1, b2: 2 }, c3: 3, d4: 4 })
    expect(Object.keys(issues).sort()).toEqual(['c3', 'd4', 'limits.a1', 'limits.b2'])
  })
})

describe('an option that may have several forms', () => {
  const LIMITS =
    'expected false, or { address, client, user, failures, anonymous, streams, allStreams, limiter }'
  const MCP = 'expected an http(s) URL as text, a function, { url | handler, … } or a list of these objects'
  const UPSTREAM =
    'expected a provider such as google({ … }), a list of providers, { login, name } or a function'

  test.each<[object, object]>([
    [{ mcp: 'nowhere' }, { mcp: 'expected an http(s) URL' }],
    [{ mcp: {} }, { mcp: 'expected one of `url`, `handler` and `external`' }],
    [
      { mcp: { forward: 'identiy', url: RIGHT.mcp } },
      { 'mcp.forward': 'expected `identity` or `upstream-token` or `nothing`' },
    ],
    [{ mcp: [] }, { mcp: 'expected at least 1 entry' }],
    [{ mcp: 7 }, { mcp: MCP }],
    [{ mcp: new URL('http://localhost:3000/mcp') }, { mcp: MCP }],
    [{ mcp: [RIGHT.mcp] }, { 'mcp.0': expect.stringContaining('write { url: … }') }],
    [{ url: new URL('http://localhost:8787') }, { url: 'expected text: pass the `href` of the URL' }],
    [
      { mcp: { url: new URL('http://localhost:3000/mcp') } },
      { 'mcp.url': 'expected text: pass the `href` of the URL' },
    ],
    [{ trustProxy: true }, { trustProxy: 'expected the number of proxies in front, such as 1' }],
    [{ limits: true }, { limits: LIMITS }],
    [{ limits: [] }, { limits: LIMITS }],
    [
      { allow: 'user@example.com' },
      { allow: 'expected a list of rules such as user@example.com or @example.com, or a function' },
    ],
    [
      { scopes: { a: 1 } },
      { 'scopes.a': 'expected a description, or { description, upstream, default, implies }' },
    ],
    [{ upstream: 'google' }, { upstream: UPSTREAM }],
    [{ upstream: {} }, { upstream: 'expected a provider such as google({ … })' }],
    [{ upstream: [] }, { upstream: 'expected at least 1 entry' }],
    [
      { secret: ['short'] },
      { 'secret.0': 'expected at least 32 random characters; `lockgate secret` makes them' },
    ],
    [{ theme: 'dark' }, { theme: 'expected an object' }],
    [{ texts: 'de' }, { texts: 'expected an object' }],
  ])('%j is judged by the form that it has', (options, issues) => {
    expect(issuesOf(options)).toEqual(issues)
  })

  test('is not forwarded and handled at once', () => {
    const mcp = { handler: () => new Response(), forward: 'nothing' }
    expect(issuesOf({ mcp })).toEqual({
      'mcp.forward': 'is only for a server with `url`: a handler receives everything as `auth`',
    })
  })
})

describe('a provider with wrong options', () => {
  test('throws nothing by itself, so that everything else is checked as well', () => {
    const upstream = [
      google({ clientId: 7 } as never),
      oidc({ clientId: 'x', issuer: 'http://id.example' }),
      apple({} as never),
    ]
    expect(issuesOf({ upstream, name: '' })).toEqual({
      'upstream.0.clientId': 'expected text',
      'upstream.0.clientSecret': 'is required',
      'upstream.1.issuer': 'expected an https URL without query',
      'upstream.2.clientId': 'is required',
      'upstream.2.teamId': 'is required: the ten letters and digits that Apple shows',
      'upstream.2.keyId': 'is required: the ten letters and digits that Apple shows',
      'upstream.2.privateKey': 'is required: a private key in PEM form, PKCS #8',
      name: 'must not be empty',
    })
  })

  test('stays unusable when it is spread or given by a function', async () => {
    const wrong = google({ clientId: 'x' } as never)
    expect(issuesOf({ upstream: { ...wrong, id: 'other' } })).toEqual({
      'upstream.clientSecret': 'is required',
    })
    const errors: unknown[] = []
    const proxy = createProxy({
      ...RIGHT,
      upstream: () => wrong,
      on: { event: (event) => errors.push((event as { error?: string }).error) },
    })
    const response = await proxy.fetch(new Request('http://localhost:8787/account'))
    expect(response.status).toBe(500)
    expect(String(errors[0])).toContain('clientSecret: is required')
  })

  test('may have an id and a name of its own', () => {
    const options = { issuer: 'https://id.example', clientId: 'x', clientSecret: 'y' }
    expect(oidc({ ...options, id: 'staff', name: 'Staff' })).toMatchObject({ id: 'staff', name: 'Staff' })
    const upstream = [oidc(options), oidc({ ...options, id: 'staff' })]
    expect(issuesOf({ upstream, mcp: { url: RIGHT.mcp, upstream: 'staff' } })).toEqual({})
    expect(issuesOf({ upstream: [oidc(options), oidc(options)] })).toEqual({
      upstream: 'two providers share one id: set the option `id` of one of them',
    })
    expect(issuesOf({ upstream: oidc({ ...options, id: 'a/b', name: '' }) })).toMatchObject({
      'upstream.id': 'expected up to 64 letters, digits, - and _',
      'upstream.name': expect.any(String),
    })
  })
})

test('an issue says what is expected, and quotes neither a value nor a pattern', () => {
  const canary = 'c4n4ry'
  const wrong = {
    url: canary,
    secret: canary,
    mcp: [{ url: canary, path: canary, forward: canary, scopes: [`${canary} x`], upstream: [7] }],
    allow: [canary],
    scopes: { a: { description: 7, upstream: [`${canary} x`] } },
    clients: [{ clientId: 7, clientSecret: canary, jwksUri: canary, redirectUris: [canary] }],
    apiKeys: [{ name: canary.repeat(30), keyHash: canary }],
    upstream: oidc({ clientId: 'x', issuer: canary, clientAuth: canary as never }),
    clientDocuments: { hosts: [canary] },
    theme: { logo: canary, accent: canary },
    texts: { lang: `${canary}!`, allow: `{${canary}}` },
    origins: [canary],
    registration: canary,
    accessTokenTtl: canary,
    storage: canary,
    metrics: canary,
  }
  const issues = Object.entries(issuesOf(wrong))
  expect(issues.length).toBeGreaterThan(20)
  for (const [path, message] of issues) {
    expect(message, path).not.toContain(canary)
    expect(message, path).not.toMatch(/Invalid|\\|\[\^|\(\?|\$\/|received/)
    expect(message, path).toMatch(/^(expected|is|must|names|cannot) /)
  }
})

test('two providers whose users could not be told apart are refused', () => {
  const at = (id: string, more: { issuer?: string } = {}) =>
    oauth2({
      id,
      clientId: 'client',
      clientSecret: 'secret',
      authorizationEndpoint: `https://login.test/${id}/authorize`,
      tokenEndpoint: `https://login.test/${id}/token`,
      userinfoEndpoint: `https://login.test/${id}/me`,
      ...more,
    })
  const make = (upstream: ProxyOptions['upstream']) =>
    createProxy({
      url: 'https://mcp.test',
      secret: 'a secret of the tests, long enough to be one',
      storage: memory(),
      mcp: 'http://localhost:1/mcp',
      upstream,
    })
  expect(() => make([at('staff'), at('guests')])).toThrow(
    /upstream\.1\.issuer: is the issuer of another provider/,
  )
  expect(() => make([at('staff'), at('guests', { issuer: 'https://login.test/guests' })])).not.toThrow()
  // An OpenID provider at the origin has user ids of its own, too.
  const openid = oidc({ issuer: 'https://login.test', clientId: 'client', clientSecret: 'secret' })
  expect(() => make([openid, at('guests')])).toThrow(/upstream\.1\.issuer: is the issuer of another/)
  expect(() => make([at('guests'), openid])).toThrow(/upstream\.0\.issuer: is the issuer of another/)
  expect(() => make([openid, at('guests', { issuer: 'https://login.test/guests' })])).not.toThrow()
  expect(() => make([openid, at('guests', { issuer: 'https://login.test' })])).not.toThrow()
})

test('a user name or password in the address of an MCP server is refused, and not quoted', () => {
  const make = () =>
    createProxy({
      url: 'https://mcp.test',
      secret: 'a secret of the tests, long enough to be one',
      storage: memory(),
      mcp: 'http://svc:hunter2@host.test/mcp',
      upstream: oauth2({
        clientId: 'client',
        authorizationEndpoint: 'https://login.test/authorize',
        tokenEndpoint: 'https://login.test/token',
        userinfoEndpoint: 'https://login.test/me',
      }),
    })
  expect(make).toThrow(/mcp: must not contain a user name or password/)
  expect(make).not.toThrow(/hunter2/)
})

describe('a credential as it stands in a file, with what surrounds it there,', () => {
  const ENDS = ['%\n', '%\r\n', ' %', '% ', '\t%', '\ufeff%', '%\n\n']

  test.each(ENDS)('is named, since no other part of a deployment would read it so: %j', (form) => {
    const long = form.replace('%', RIGHT.secret)
    const name = /has a blank, a line break/
    const issues = issuesOf({
      secret: long,
      userIdSecret: long,
      upstream: google({ clientId: form.replace('%', 'id'), clientSecret: form.replace('%', 'secret') }),
      clients: [{ clientId: 'a', redirectUris: ['http://localhost/'], clientSecret: long }],
      resourceServers: [{ id: 'api', secret: long, resources: ['/mcp'] }],
    })
    for (const path of ['secret', 'userIdSecret', 'clients.0.clientSecret', 'resourceServers.0.secret']) {
      expect(issues[path], path).toMatch(name)
    }
    for (const path of ['upstream.clientId', 'upstream.clientSecret'])
      expect(issues[path], path).toMatch(name)
    expect(issuesOf({ secret: [RIGHT.secret, long] })['secret.1']).toMatch(name)
  })

  test('may have blanks inside', () => {
    expect(issuesOf({ upstream: google({ clientId: 'id', clientSecret: 'two words' }) })).toEqual({})
  })
})
