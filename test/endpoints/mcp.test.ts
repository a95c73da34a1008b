import { SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { connect, guarded, type System, startSystem, type Tokens } from '../support/system.ts'

let system: System
let tokens: Tokens
const seen: Request[] = []

beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read', admin: 'Administer' },
    mcp: [
      {
        path: '/mcp',
        scopes: ['read'],
        handler: (request, auth) => {
          seen.push(request)
          return Response.json(
            { ...auth, resource: auth.resource.href },
            { headers: { 'mcp-session-id': 's' } },
          )
        },
      },
      { path: '/other', scopes: ['read', 'admin'], handler: () => new Response('other') },
    ],
  })
  tokens = (await connect(system, { params: { scope: 'read' } })).tokens
})
afterAll(() => system.close())

const challengeOf = (response: Response) => response.headers.get('www-authenticate')

describe('without credentials', () => {
  test.each(['GET', 'POST', 'DELETE'])(
    '%s is a bare challenge, and nobody behind hears of it',
    async (method) => {
      seen.length = 0
      const response = await system.call('/mcp', {
        method,
        ...(method === 'POST' && { body: '{"jsonrpc":"2.0"}' }),
      })
      expect(response.status).toBe(401)
      expect(challengeOf(response)).toBe(
        `Bearer scope="read", resource_metadata="${system.url}/.well-known/oauth-protected-resource/mcp"`,
      )
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.text()).toBe('')
      expect(seen).toEqual([])
    },
  )

  test.each([
    ['the scheme alone', { headers: { authorization: 'Bearer ' } }],
    ['another scheme', { headers: { authorization: 'Basic eDp5' } }],
    ['a session id', { headers: { 'mcp-session-id': 's' } }],
  ])('%s does not stand for them', async (_name, init) => {
    const response = await system.call('/mcp', { method: 'POST', ...init })
    expect(response.status).toBe(401)
    expect(challengeOf(response)).not.toContain('error=')
  })

  test('a browser page of this origin may read the challenge and the page that explains it', async () => {
    const { origin } = new URL(system.url)
    for (const accept of ['*/*', 'text/html']) {
      const response = await system.call('/mcp', { headers: { origin, accept } })
      expect(response.status).toBe(401)
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
      expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate')
      expect(challengeOf(response)).toContain('resource_metadata=')
    }
  })

  test('a token in the address is ignored', async () => {
    const response = await system.call(`/mcp?access_token=${tokens.access_token}`, { method: 'POST' })
    expect(response.status).toBe(401)
    expect(challengeOf(response)).not.toContain('error=')
  })
})

describe('a token', () => {
  test('that is good reaches the handler as the MCP SDK describes it', async () => {
    const response = await guarded(system, tokens.access_token)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      token: tokens.access_token,
      clientId: expect.stringMatching(/^dcr-[\w-]{22}$/),
      scopes: ['read'],
      expiresAt: expect.any(Number),
      resource: system.mcp,
      extra: { grant: expect.any(String), clientName: 'Test client' },
      user: {
        id: expect.stringMatching(/^[\w-]{22}$/),
        kind: 'person',
        email: 'ada@example.com',
        emailVerified: true,
        name: 'Name of ada',
        claims: { email: 'ada@example.com', email_verified: true, name: 'Name of ada' },
      },
      upstream: { provider: 'oidc' },
    })
  })

  test.each(['bearer', 'BEARER', 'bEaReR'])('with the scheme %s', async (scheme) => {
    const headers = { authorization: `${scheme} ${tokens.access_token}` }
    expect((await guarded(system, '', { headers })).status).toBe(200)
  })

  test('with spaces before it', async () => {
    const headers = { authorization: `Bearer   ${tokens.access_token}` }
    expect((await guarded(system, '', { headers })).status).toBe(200)
  })

  test.each([
    ['a tab before', (token: string) => `Bearer \t${token}`],
    ['a tab between spaces before', (token: string) => `Bearer  \t ${token}`],
    ['a no-break space before', (token: string) => `Bearer \u00a0${token}`],
    ['a no-break space after', (token: string) => `Bearer ${token}\u00a0`],
    ['a next-line character after', (token: string) => `Bearer ${token}\u0085`],
    ['a space inside', (token: string) => `Bearer ${token.replace(/.{9}$/, ' $&')}`],
    ['a no-break space inside', (token: string) => `Bearer ${token.replace(/.{9}$/, '\u00a0$&')}`],
    ['a vertical tab before', (token: string) => `Bearer \u000b${token}`],
  ])('with %s is none', async (_name, spell) => {
    const headers = { authorization: spell(tokens.access_token) }
    expect((await guarded(system, '', { headers })).status).toBe(401)
  })

  test('that is invalid gets the challenge of its own address each time, and of its own origin', async () => {
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const authorization = `Bearer ${crypto.randomUUID()}`
      const response = await system.call(path, { method: 'POST', headers: { authorization, ...headers } })
      const named = /resource_metadata="([^"]+)"/.exec(challengeOf(response)!)![1]!
      const shared = response.headers.get('access-control-allow-origin')
      return [response.status, await response.json(), new URL(named).pathname.split('/').slice(3), shared]
    }
    const body = {
      error: 'invalid_token',
      error_description: 'The access token is invalid, expired or revoked',
    }
    const paths = ['/mcp', '/mcp', '/mcp/tools', '/mcp', '/mcp/tools', '/other', '/mcp', '/other']
    for (const path of paths) {
      expect(await ask(path)).toEqual([401, body, path.split('/').slice(1), null])
      const origin = new URL(system.url).origin
      expect((await ask(path, { origin }))[3]).toBe(origin)
    }
  })

  test.each(['/mcp', '/mcp/', '/mcp/tools?x=1'])('is good at %s', async (path) => {
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    expect((await system.call(path, { method: 'POST', headers })).status).toBe(200)
  })

  test('that lacks a scope is told all that is needed', async () => {
    const wide = await connect(system, { params: { scope: 'read', resource: `${system.url}/other` } })
    const headers = { authorization: `Bearer ${wide.tokens.access_token}` }
    const response = await system.call('/other', { method: 'POST', headers })
    expect(response.status).toBe(403)
    expect(challengeOf(response)).toMatch(
      /^Bearer error="insufficient_scope", error_description="[^"]+", scope="read admin", resource_metadata="[^"]+\/other"$/,
    )
  })

  test('for one resource is none for another', async () => {
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    const response = await system.call('/other', { method: 'POST', headers })
    expect(response.status).toBe(401)
    expect(challengeOf(response)).toContain('error="invalid_token"')
  })

  test('that has expired is refused, also where it was good before', async () => {
    system.clock.ahead = 3601
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
    system.clock.ahead = 0
  })

  test('beside a second one is invalid_request', async () => {
    const query = await system.call(`/mcp?access_token=x`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    const form = await guarded(system, tokens.access_token, {
      body: new URLSearchParams({ access_token: 'x' }),
    })
    for (const response of [query, form]) {
      expect(response.status).toBe(400)
      expect(challengeOf(response)).toContain('error="invalid_request"')
    }
  })

  const key = new TextEncoder().encode('k'.repeat(32))
  const claims = {
    iss: 'http://localhost:8787',
    aud: 'http://localhost:8787/mcp',
    exp: 4e9,
    iat: 1,
    scope: 'read',
  }
  test.each<[string, () => string | Promise<string>]>([
    ['garbage', () => 'garbage'],
    ['our own refresh token', () => tokens.refresh_token],
    ['an altered one', () => tokens.access_token.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))],
    [
      'one altered in its middle',
      () => {
        const middle = Math.floor(tokens.access_token.length / 2)
        const other = tokens.access_token[middle] === 'A' ? 'Q' : 'A'
        return tokens.access_token.slice(0, middle) + other + tokens.access_token.slice(middle + 1)
      },
    ],
    ['the end of one', () => tokens.access_token.slice(-32)],
    ['one cut short', () => tokens.access_token.slice(0, -5)],
    ['a JWT without algorithm', () => new UnsecuredJWT(claims).encode()],
    ['a signed JWT', () => new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' }).sign(key)],
    [
      'one sealed with another secret',
      () => {
        const other = createSealer(
          createKeyring(['another secret, which is long enough to be one']),
          'https://mcp.test',
        )
        const sealed = other.seal('access-token', claims.iss, {
          ...claims,
          gid: 'a',
          epoch: 0,
          client_id: 'a',
        })
        return tokens.access_token.slice(0, 4) + sealed.slice(4)
      },
    ],
    ['one of 100 kB', () => 'a'.repeat(100_000)],
  ])('that is %s is refused', async (_name, make) => {
    // This process knows the token that some of them are made of.
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    const response = await guarded(system, await make())
    expect(response.status).toBe(401)
    expect(challengeOf(response)).toContain('error="invalid_token"')
    expect(await response.json()).toMatchObject({ error: 'invalid_token' })
  })

  test('of the provider is refused', async () => {
    const own = await startSystem({
      mcp: async (_request, auth) => new Response(await auth.upstream.accessToken()),
    })
    const { tokens: mine } = await connect(own)
    const upstream = await (await guarded(own, mine.access_token)).text()
    expect(upstream.length).toBeGreaterThan(20)
    expect((await guarded(own, upstream)).status).toBe(401)
    await own.close()
  })
})

test('a storage that does not answer is 503, not 401', async () => {
  let down = false
  const { memory } = await import('lockgate/storage/memory')
  const store = memory()
  const fail = () => Promise.reject(new Error('connection cut'))
  const own = await startSystem({ storage: { ...store, get: (key) => (down ? fail() : store.get(key)) } })
  const { client, tokens: mine } = await connect(own)
  down = true
  const answer = await guarded(own, mine.access_token)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
  expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
  const refresh = { grant_type: 'refresh_token', client_id: client.id, refresh_token: mine.refresh_token }
  expect((await own.post('/token', refresh)).status).toBe(503)
  down = false
  expect((await guarded(own, mine.access_token)).status).toBe(200)
  await own.close()
})

test('a handler that throws is 500 without a word of it', async () => {
  const own = await startSystem({
    mcp: () => {
      throw new Error('canary of the handler')
    },
  })
  const { tokens: mine } = await connect(own)
  const answer = await guarded(own, mine.access_token)
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('canary')
  expect(own.events.at(-1)).toMatchObject({ type: 'failed', error: 'Error canary of the handler' })
  await own.close()
})

test('secrets rotate: what the previous one sealed stays good', async () => {
  const [old, fresh] = ['o'.repeat(40), 'n'.repeat(40)]
  const { memory } = await import('lockgate/storage/memory')
  const storage = memory()
  const before = await startSystem({ secret: old, storage })
  const { client, tokens: mine } = await connect(before)
  const after = await startSystem({ secret: [fresh, old], storage })
  expect((await guarded(after, mine.access_token)).status).toBe(200)
  const refresh = { grant_type: 'refresh_token', client_id: client.id, refresh_token: mine.refresh_token }
  const next = (await (await after.post('/token', refresh)).json()) as Tokens
  expect((await guarded(after, next.access_token)).status).toBe(200)
  const without = await startSystem({ secret: fresh, storage })
  expect((await guarded(without, mine.access_token)).status).toBe(401)
  // What was refreshed meanwhile has moved to the new secret, record and tokens alike.
  expect((await guarded(without, next.access_token)).status).toBe(200)
  await Promise.all([before.close(), after.close(), without.close()])
})
