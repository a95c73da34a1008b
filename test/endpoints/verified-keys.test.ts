import { createHash, randomBytes } from 'node:crypto'
import { type Auth, ConfigError, type McpOptions, type ProxyOptions } from 'lockgate'
import { github } from 'lockgate/providers/github'
import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, guarded, outcome, type StartedSystem, startSystem } from '../support/system.ts'

const newKey = () => randomBytes(32).toString('base64url')
const show: McpOptions['handler'] = async (_request, auth) =>
  Response.json({
    ...auth,
    resource: auth.resource.href,
    upstream: await auth.upstream.accessToken().catch((error: Error) => error.message),
  })
const authOf = async (response: Response) =>
  (await response.json()) as Omit<Auth, 'upstream'> & { upstream: string }

let system: StartedSystem
beforeAll(async () => {
  system = await startSystem({
    scopes: { read: 'Read', write: 'Write', repo: { description: 'Repositories', upstream: ['email'] } },
    mcp: [
      { path: '/mcp', handler: show, scopes: ['read'] },
      { path: '/write', handler: show, scopes: ['write'] },
    ],
  })
})
afterAll(() => system.close())
beforeEach(() => {
  system.events.length = 0
  system.clock.ahead = 0
})

describe('verifyApiKey', () => {
  const key = newKey()
  const asking = (verify: NonNullable<ProxyOptions['verifyApiKey']>) => {
    const asked: string[] = []
    const proxy = system.another({
      verifyApiKey(shown, about) {
        asked.push(`${createHash('sha256').update(shown).digest('hex')} ${about.resource.pathname}`)
        return verify(shown, about)
      },
    })
    return { proxy, asked }
  }
  const one = (shown: string) =>
    shown === key ? { name: 'cron', user: 'ops', scopes: ['read', 'no such'] } : undefined

  test('says who shows a key, with the scopes that exist; once a minute, however many requests', async () => {
    const { proxy, asked } = asking(async (shown) => one(shown))
    const answers = await Promise.all([1, 2, 3, 4].map(() => guarded(proxy, key)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(await authOf(answers[0]!)).toMatchObject({
      clientId: 'api-key',
      scopes: ['read'],
      extra: { apiKey: 'cron' },
      upstream: 'An API key has no sign-in at the identity provider',
    })
    expect((await guarded(proxy, key)).status).toBe(200)
    expect(asked).toHaveLength(1)
    system.clock.ahead = 61
    expect((await guarded(proxy, key)).status).toBe(200)
    expect(asked).toHaveLength(2)
    expect(JSON.stringify(system.events)).not.toContain(key)
  })

  test('what it lets into one server it is asked about at another', async () => {
    const { proxy, asked } = asking(one)
    await guarded(proxy, key)
    const headers = { authorization: `Bearer ${key}` }
    expect(await outcome(await proxy.call('/write', { method: 'POST', body: '{}', headers }))).toEqual([
      403,
      'insufficient_scope',
    ])
    expect(asked.map((line) => line.split(' ')[1])).toEqual(['/mcp', '/write'])
  })

  test('never sees what this server issued: access tokens alive or over, refresh tokens, codes', async () => {
    const { proxy, asked } = asking(one)
    const { tokens } = await connect(proxy, { params: { scope: 'read offline_access' } })
    expect((await guarded(proxy, tokens.access_token)).status).toBe(200)
    const altered = `${tokens.access_token.slice(0, -4)}AAAA`
    for (const own of [altered, tokens.refresh_token!]) {
      expect(await outcome(await guarded(proxy, own))).toEqual([401, 'invalid_token'])
    }
    system.clock.ahead = 3601
    expect(await outcome(await guarded(proxy, tokens.access_token))).toEqual([401, 'invalid_token'])
    expect(await outcome(await guarded(system.another({ verifyApiKey: one }), tokens.access_token))).toEqual([
      401,
      'invalid_token',
    ])
    expect(asked).toEqual([])
  })

  test('is not asked again at once about a key that is nobody’s, and slows down who guesses', async () => {
    const { proxy, asked } = asking(one)
    expect((await guarded(proxy, key)).status).toBe(200)
    const wrong = newKey()
    for (let i = 0; i < 3; i++) expect((await guarded(proxy, wrong)).status).toBe(401)
    expect(asked).toHaveLength(2)
    const guesses = await Promise.all(Array.from({ length: 100 }, () => guarded(proxy, newKey())))
    const slowed = guesses.filter(({ status }) => status === 503)
    expect(slowed).toHaveLength(41)
    expect(Number(slowed[0]!.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(asked).toHaveLength(61)
    expect((await guarded(proxy, key)).status).toBe(200)
    system.clock.ahead = 61
    expect((await guarded(proxy, newKey())).status).toBe(401)
  })

  test.each<[string, NonNullable<ProxyOptions['verifyApiKey']>]>([
    ['throws', () => Promise.reject(new Error('the database is away'))],
    ['answers with something else', () => true as never],
    ['names nobody', () => ({ name: '' })],
  ])('lets nobody in where it %s, and is asked again', async (_name, verify) => {
    const { proxy, asked } = asking(verify)
    expect(await outcome(await guarded(proxy, key))).toEqual([503, 'temporarily_unavailable'])
    expect((await guarded(proxy, key)).status).toBe(503)
    expect(asked).toHaveLength(2)
  })
})

describe('a token of the provider', () => {
  const accepting = (changes: Partial<ProxyOptions> = {}) => {
    const { issuer, clientId, clientSecret } = system.provider
    const upstream = oauth2({
      clientId,
      clientSecret,
      name: 'the provider',
      authorizationEndpoint: `${issuer}/auth`,
      tokenEndpoint: `${issuer}/token`,
      userinfoEndpoint: `${issuer}/me`,
      scopes: ['openid', 'email'],
      overrides: { idToken: false },
    })
    return system.another({ upstream, dangerouslyAcceptProviderTokens: ['read'], ...changes })
  }
  /** A token that a real sign-in brought. */
  const tokenOf = async (proxy: StartedSystem) => {
    const { tokens } = await connect(proxy, { params: { scope: 'read' } })
    return authOf(await guarded(proxy, tokens.access_token))
  }

  test('is refused unless the operator says otherwise', async () => {
    const { upstream: token } = await tokenOf(system)
    expect(await outcome(await guarded(system, token))).toEqual([401, 'invalid_token'])
    const proxy = system.another({ verifyApiKey: () => undefined })
    expect(await outcome(await guarded(proxy, token))).toEqual([401, 'invalid_token'])
  })

  test('lets the very user in whom the provider names, with the scopes said, and is what is passed on', async () => {
    const proxy = accepting()
    const signedIn = await tokenOf(proxy)
    const token = signedIn.upstream
    const before = proxy.provider.requests.filter((line) => line.endsWith(' /me')).length
    const answers = await Promise.all([guarded(proxy, token), guarded(proxy, token)])
    const auth = await authOf(answers[0]!)
    expect(auth).toMatchObject({ clientId: 'api-key', scopes: ['read'], upstream: token })
    expect(auth.user).toEqual(signedIn.user)
    expect((await guarded(proxy, token)).status).toBe(200)
    expect(proxy.provider.requests.filter((line) => line.endsWith(' /me'))).toHaveLength(before + 1)
    const told = system.events.filter(({ type }) => type === 'api-key-used')
    expect(told).toMatchObject([{ user: auth.user.id, detail: 'a token of the provider' }])
    expect(JSON.stringify(system.events)).not.toContain(token)
  })

  test('is judged by `allow`, and ends within a minute of its end at the provider', async () => {
    const signedIn = await tokenOf(accepting())
    const strangers = accepting({ allow: ['nobody@elsewhere.example'] })
    expect(await outcome(await guarded(strangers, signedIn.upstream))).toEqual([401, 'invalid_token'])
    expect(system.events.find(({ type }) => type === 'turned-away')).toMatchObject({ user: signedIn.user.id })
    const proxy = accepting()
    expect((await guarded(proxy, signedIn.upstream)).status).toBe(200)
    system.provider.revokeAll()
    system.clock.ahead = 61
    expect(await outcome(await guarded(proxy, signedIn.upstream))).toEqual([401, 'invalid_token'])
  })

  test('is no verdict where the provider is away', async () => {
    const proxy = accepting()
    const { upstream: token } = await tokenOf(proxy)
    const again = accepting()
    system.provider.failNext('/me', { status: 503, body: {} })
    expect(await outcome(await guarded(again, token))).toEqual([503, 'temporarily_unavailable'])
    expect((await guarded(again, token)).status).toBe(200)
  })

  test.each<[string, Partial<ProxyOptions>]>([
    [
      'a provider whose ID tokens say who somebody is',
      { upstream: oidc({ issuer: 'https://a.example', clientId: 'a' }) },
    ],
    ['several providers', { upstream: [githubNamed('a'), githubNamed('b')] }],
    ['tenants', { upstream: () => githubNamed('a') }],
    ['a scope that is not there', { dangerouslyAcceptProviderTokens: ['other'] }],
    ['a scope that takes one of the provider', { dangerouslyAcceptProviderTokens: ['repo'] }],
  ])('cannot be had with %s', (_name, changes) => {
    const start = () =>
      system.another({ upstream: githubNamed('a'), dangerouslyAcceptProviderTokens: ['read'], ...changes })
    expect(start).toThrow(ConfigError)
    expect(start).toThrow('dangerouslyAcceptProviderTokens')
  })

  test('can be had with GitHub', () => {
    expect(() => accepting({ upstream: githubNamed('a') })).not.toThrow()
  })
})

function githubNamed(id: string) {
  return { ...github({ clientId: 'id', clientSecret: 'secret' }), id }
}
