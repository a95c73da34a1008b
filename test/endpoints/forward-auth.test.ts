import { createHash } from 'node:crypto'
import type { ConfigError, ProxyOptions } from 'lockgate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type StartedSystem, startSystem } from '../support/system.ts'

const SECRET = 'a-secret-of-the-proxy-in-front-long-enough'
const KEY = 'a key with one scope, long enough to be one'
const url = 'http://localhost:8787'

const servers: ProxyOptions['mcp'] = [
  { path: '/mcp', url: 'http://inner.test/mcp', scopes: ['use'] },
  { path: '/mcp/admin', url: 'http://inner.test/mcp/admin', scopes: ['admin'] },
  { path: '/loose', url: 'http://inner.test/loose', scopes: ['use'], sessions: 'dangerously-unbound' },
  { path: '/token-for', url: 'http://inner.test/token', scopes: ['use'], forward: 'upstream-token' },
  { path: '/ruled', url: 'http://inner.test/ruled', scopes: ['use'], tools: { '*': 'admin' } },
  { path: '/here', handler: () => new Response('never') },
]

type Kind = NonNullable<ProxyOptions['forwardAuth']>['proxy']

/** The question that each kind of proxy asks. */
const ASK: Record<Kind, (method: string, uri: string) => [path: string, init: RequestInit]> = {
  nginx: (method, uri) => [
    '/forward-auth',
    { headers: { host: 'localhost:8787', 'x-original-method': method, 'x-original-uri': uri } },
  ],
  caddy: (method, uri) => ['/forward-auth', { headers: forwarded(method, uri) }],
  traefik: (method, uri) => ['/forward-auth', { headers: forwarded(method, uri) }],
  envoy: (method, uri) => [`/forward-auth${uri}`, { method, headers: { host: 'localhost:8787' } }],
}
const forwarded = (method: string, uri: string) => ({
  'x-forwarded-method': method,
  'x-forwarded-uri': uri,
  'x-forwarded-host': 'localhost:8787',
})

let system: StartedSystem
let token: string
const proxies = new Map<Kind, StartedSystem>()

beforeAll(async () => {
  const scopes = { use: 'Use', admin: 'Administer' }
  const keyHash = createHash('sha256').update(KEY).digest('hex')
  const apiKeys = [{ name: 'one', keyHash, scopes: ['use'] }]
  system = await startSystem({ scopes, mcp: servers, apiKeys, limits: false })
  for (const proxy of Object.keys(ASK) as Kind[]) {
    proxies.set(proxy, system.another({ forwardAuth: { proxy, secret: SECRET } }))
  }
  token = await tokenFor('/mcp')
})
afterAll(() => system.close())

const tokenFor = async (path: string): Promise<string> =>
  (await connect(system, { params: { resource: url + path, scope: 'use' } })).tokens.access_token

async function ask(
  kind: Kind,
  uri: string,
  { method = 'POST', ...headers }: Record<string, string | undefined> = {},
): Promise<Response> {
  const [path, init] = ASK[kind](method, uri)
  const given = { authorization: `Bearer ${token}`, 'x-forward-auth-secret': SECRET, ...headers }
  const all = new Headers(init.headers)
  for (const [name, value] of Object.entries(given)) if (value !== undefined) all.set(name, value)
  const response = await proxies.get(kind)!.call(path, { ...init, headers: all })
  return response
}

const reasonOf = () => system.events.at(-1)?.reason

test.each(['nginx', 'caddy', 'traefik'] as const)('%s gets 400 for an absolute address', async (kind) => {
  for (const uri of [
    'http://evil.test/mcp',
    'https://localhost:8787/mcp',
    'HTTP://evil.test/mcp',
    'mcp',
    '?x',
  ]) {
    const response = await ask(kind, uri)
    // nginx takes any refusal but 401, 403 and 429 for a failure.
    expect([uri, response.status, reasonOf()]).toEqual([uri, kind === 'nginx' ? 403 : 400, 'ambiguous-path'])
  }
})

describe('an address of the proxy', () => {
  const question = (cf?: object) => {
    const headers = { ...forwarded('POST', '/mcp'), authorization: `Bearer ${token}` }
    return Object.assign(new Request(`${url}/forward-auth`, { headers }), cf && { cf })
  }
  const proxy = () => system.another({ forwardAuth: { proxy: 'caddy', from: ['10.1.0.0/16'] } }).proxy

  test('counts as workerd tells it', async () => {
    expect((await proxy().fetch(question({ clientIp: '10.1.2.3:4567' }))).status).toBe(200)
    expect((await proxy().fetch(question({ clientIp: '10.2.2.3:4567' }))).status).toBe(403)
    expect(system.events.at(-1)).toMatchObject({ reason: 'forward-auth-caller' })
    expect(JSON.stringify(system.events.at(-1))).not.toContain('detail')
  })

  test('matches nothing on Cloudflare, and the refusal says why', async () => {
    expect((await proxy().fetch(question({ colo: 'AMS' }))).status).toBe(403)
    expect(system.events.at(-1)).toMatchObject({
      reason: 'forward-auth-caller',
      detail: expect.stringContaining('set `secret` alone'),
    })
  })
})

describe.each(Object.keys(ASK) as Kind[])('%s asks', (kind) => {
  test('and learns who the user is', async () => {
    const response = await ask(kind, '/mcp/tools?x=1')
    expect(response.status).toBe(200)
    expect(response.headers.get('x-lockgate-user-email')).toBe('ada@example.com')
    expect(response.headers.get('x-lockgate-scope')).toBe('use')
    expect(response.headers.get('authorization')).toBeNull()
    expect(response.headers.get('x-envoy-auth-headers-to-remove')).toBe(
      kind === 'envoy' ? 'authorization' : null,
    )
    expect(system.events.at(-1)).toMatchObject({ type: 'admitted', endpoint: '/mcp' })
  })

  test('without a token, and gets the challenge', async () => {
    const response = await ask(kind, '/mcp', { authorization: '' })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain(
      `resource_metadata="${url}/.well-known/oauth-protected-resource/mcp"`,
    )
  })

  test('with a key that lacks a scope, and gets 403 with the challenge', async () => {
    const response = await ask(kind, '/mcp/admin', { authorization: `Bearer ${KEY}` })
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="admin"/)
  })

  test('with a token of another server, and gets the challenge', async () => {
    const response = await ask(kind, '/mcp/admin')
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  test('with the token of the provider, where the server gets it', async () => {
    const own = await tokenFor('/token-for')
    const response = await ask(kind, '/token-for', { authorization: `Bearer ${own}` })
    expect(response.status).toBe(200)
    expect(response.headers.get('authorization')).toMatch(/^Bearer (?!lg)/)
    expect(response.headers.get('authorization')).not.toContain(own)
  })

  test('without its secret, and is refused whatever token the request carries', async () => {
    for (const secret of [undefined, '', 'wrong', `${SECRET}x`]) {
      const response = await ask(kind, '/mcp', { 'x-forward-auth-secret': secret ?? '' })
      expect([response.status, reasonOf()]).toEqual([403, 'forward-auth-caller'])
    }
  })

  test.each([
    '/mcp/%61dmin',
    '/mcp/ADMIN',
    '/mcp//admin',
    '/mcp/admin;x',
    '/mcp/x/..%2fadmin',
    '/mcp/%2e%2e/admin',
    '/mcp/x%5c..%5cadmin',
    '/loose/..%2fmcp%2fadmin',
  ])('about %s, and gets no permission', async (uri) => {
    const response = await ask(kind, uri)
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.status).toBeLessThan(500)
    if (kind === 'nginx') expect(response.status).toBe(403)
  })

  test.each([
    '/',
    '/token',
    '/here',
    '/ruled',
    '/mcpx',
    '/forward-auth',
    '/.well-known/oauth-authorization-server',
  ])('about %s, which is no MCP server behind a proxy, and gets no permission', async (uri) => {
    expect([(await ask(kind, uri)).status, reasonOf()]).toEqual([403, 'forward-auth-no-server'])
  })

  test('about a preflight or an unknown method, and no success lets it through', async () => {
    for (const method of ['OPTIONS', 'PUT', 'PATCH']) {
      const response = await ask(kind, '/mcp', {
        method,
        origin: url,
        'access-control-request-method': 'POST',
      })
      expect(response.status).toBeGreaterThanOrEqual(400)
    }
  })

  test.each([
    'X-Lockgate-User-Email',
    'X_Lockgate_User_Email',
    'x-lockgate_USER-email',
    'X-Lockgate-New',
    'Mcp_Session_Id',
    'Mcp.Session.Id',
    'Last_Event_ID',
  ])('about a request that claims an identity with %s, and gets no permission', async (name) => {
    const response = await ask(kind, '/mcp', { [name]: 'ceo@corp.test' })
    expect([response.status, reasonOf()]).toEqual([403, 'forward-auth-identity'])
  })

  test('about a session or its events, in any version, which is refused where sessions are bound, and passes where they are not', async () => {
    expect((await ask(kind, '/mcp', { 'mcp-session-id': 'one' })).status).toBe(kind === 'nginx' ? 403 : 404)
    const hidden = { 'mcp-session-id': 'one', 'mcp-protocol-version': '2026-07-28' }
    expect((await ask(kind, '/mcp', hidden)).status).toBe(kind === 'nginx' ? 403 : 404)
    expect((await ask(kind, '/mcp', { 'last-event-id': '7' })).status).toBe(kind === 'nginx' ? 403 : 404)
    const authorization = `Bearer ${await tokenFor('/loose')}`
    const loose = { authorization, 'mcp-session-id': 'one', 'last-event-id': '7' }
    expect((await ask(kind, '/loose', loose)).status).toBe(200)
  })

  test('about a page of a foreign origin, and gets no permission', async () => {
    expect((await ask(kind, '/mcp', { origin: 'https://evil.test' })).status).toBe(403)
  })
})

describe('the original request', () => {
  /** Headers of every other kind of proxy, as a client can send them. */
  const spoofed = {
    'x-original-uri': '/loose',
    'x-original-url': '/loose',
    'x-original-method': 'GET',
    'x-forwarded-uri': '/loose',
    'x-forwarded-method': 'GET',
    'x-forwarded-host': 'localhost:8787',
    'x-forwarded-prefix': '/loose',
    'x-rewrite-url': '/loose',
    'x-envoy-original-path': '/loose',
  }

  test.each(Object.keys(ASK) as Kind[])(
    'of %s is not what a client says in headers of other proxies',
    async (kind) => {
      const [, init] = ASK[kind]('POST', '/mcp/admin')
      const own = Object.keys((init.headers ?? {}) as Record<string, string>)
      const others = Object.fromEntries(Object.entries(spoofed).filter(([name]) => !own.includes(name)))
      const loose = await tokenFor('/loose')
      const response = await ask(kind, '/mcp/admin', { ...others, authorization: `Bearer ${loose}` })
      expect(response.status).toBe(401)
    },
  )

  test.each([
    ['nginx', 'x-original-uri'],
    ['nginx', 'x-original-method'],
    ['caddy', 'x-forwarded-uri'],
    ['caddy', 'x-forwarded-method'],
    ['traefik', 'x-forwarded-host'],
  ] as const)('of %s without %s is refused', async (kind, name) => {
    const response = await ask(kind, '/mcp', { [name]: '' })
    expect([response.status, reasonOf()]).toEqual([403, 'forward-auth-incomplete'])
    expect(system.events.at(-1)?.detail).toBe(name)
  })

  test('for another host is refused', async () => {
    const response = await ask('caddy', '/mcp', { 'x-forwarded-host': 'other.test' })
    expect([response.status, reasonOf()]).toEqual([403, 'forward-auth-other-host'])
  })

  test('below the path of a proxy that asks at one address is refused', async () => {
    const headers = {
      ...forwarded('POST', '/mcp'),
      'x-forward-auth-secret': SECRET,
      authorization: `Bearer ${token}`,
    }
    expect((await proxies.get('caddy')!.call('/forward-auth/mcp', { headers })).status).toBe(403)
  })
})

describe('addresses that may ask', () => {
  const withPeer = async (ip: string | undefined, from: string[], headers: Record<string, string> = {}) => {
    const { proxy } = system.another({ forwardAuth: { proxy: 'caddy', from } })
    const given = { ...forwarded('POST', '/mcp'), authorization: `Bearer ${token}`, ...headers }
    return (await proxy.fetch(new Request(`${url}/forward-auth`, { headers: given }), { ip })).status
  }

  test.each([
    ['10.1.2.3', '10.0.0.0/8', 200],
    ['10.1.2.3', '10.1.2.3', 200],
    ['::ffff:10.1.2.3', '10.0.0.0/8', 200],
    ['10.1.2.3', '::ffff:10.0.0.0/104', 200],
    ['11.1.2.3', '10.0.0.0/8', 403],
    ['a01::1', '10.0.0.0/8', 403],
    ['fd00::7', 'fd00::/8', 200],
    ['fe00::7', 'fd00::/8', 403],
    ['203.0.113.9', '0.0.0.0/0', 200],
    ['::1', '0.0.0.0/0', 403],
    [undefined, '0.0.0.0/0', 403],
  ])('%s, where %s may, is answered with %s', async (ip, from, status) => {
    expect(await withPeer(ip as string | undefined, [from])).toBe(status)
  })

  test('are those of the connection, not those that headers name', async () => {
    expect(await withPeer('203.0.113.9', ['10.0.0.0/8'], { 'x-forwarded-for': '10.1.2.3' })).toBe(403)
  })
})

describe('the option', () => {
  const issues = (forwardAuth: unknown, more: Partial<ProxyOptions> = {}) => {
    try {
      system.another({ forwardAuth: forwardAuth as never, ...more })
    } catch (error) {
      return (error as ConfigError).issues.map(({ path }) => path)
    }
    return []
  }

  test.each([
    [{ proxy: 'nginx' }, 'forwardAuth'],
    [{ proxy: 'nginx', secret: 'short' }, 'forwardAuth.secret'],
    [{ proxy: 'apache', secret: SECRET }, 'forwardAuth.proxy'],
    [{ proxy: 'nginx', from: [] }, 'forwardAuth.from'],
    [{ proxy: 'nginx', from: ['10.0.0.0/33'] }, 'forwardAuth.from.0'],
    [{ proxy: 'nginx', from: ['nginx'] }, 'forwardAuth.from.0'],
    [{ proxy: 'nginx', from: ['10.0.0.1:80'] }, 'forwardAuth.from.0'],
  ])('%j is refused at %s', (option, path) => {
    expect(issues(option)).toContain(path)
  })

  test('needs a server that a proxy can carry requests to, and its own path', () => {
    const forwardAuth = { proxy: 'nginx', secret: SECRET }
    expect(issues(forwardAuth, { mcp: () => new Response() })).toContain('forwardAuth')
    const mcp = [{ path: '/forward-auth/x', url: 'http://inner.test/' }]
    expect(issues(forwardAuth, { mcp })).toContain('mcp.0.path')
  })

  test('refuses a server with a fixed query, which the proxy in front would leave out', () => {
    const forwardAuth = { proxy: 'nginx', secret: SECRET }
    const fixed = 'http://inner.test/mcp?tenant=acme'
    expect(issues(forwardAuth, { mcp: fixed })).toEqual(['mcp.0.url'])
    const mcp: ProxyOptions['mcp'] = [
      { path: '/a', url: 'http://inner.test/a' },
      { path: '/b', url: fixed },
      // Lockgate itself carries requests to these.
      { path: '/c', url: `${fixed}&c`, tools: { '*': 'use' } },
    ]
    expect(issues(forwardAuth, { mcp })).toEqual(['mcp.1.url'])
    expect(issues(undefined, { mcp })).toEqual([])
  })

  test('is off by default: the path leads nowhere', async () => {
    expect((await system.call('/forward-auth', { headers: forwarded('POST', '/mcp') })).status).toBe(404)
  })
})
