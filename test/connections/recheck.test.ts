import { createProxy, type ProxyOptions } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startProvider, type TestProvider } from '../support/provider.ts'
import {
  connect,
  guarded,
  outcome,
  refreshParams,
  type StartedSystem,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

let directory: TestProvider
let system: StartedSystem
/** The groups of each user, as the directory has them now. */
const groups = new Map<string, string[]>()

beforeAll(async () => {
  directory = await startProvider({
    redirectUris: ['http://localhost:8787/callback'],
    configuration: {
      claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'] },
      findAccount: (_ctx, id) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          email: `${id}@example.com`,
          email_verified: true,
          groups: groups.get(id) ?? [],
        }),
      }),
    },
  })
})
afterAll(() => directory.close())
beforeEach(() => groups.clear())
afterEach(() => system.close())

/** @param scopes Without `offline_access` the directory gives no refresh token. */
const start = (options: Partial<ProxyOptions>, scopes = ['openid', 'email', 'offline_access']) =>
  startSystem({ upstream: oidc({ ...directory, scopes }), revocationLag: 0, ...options })

const refresh = (at: StartedSystem, client: TestClient, { refresh_token: token }: Tokens) =>
  at.post('/token', refreshParams(client, token))

const asked = () => directory.requests.filter((line) => line !== 'POST /token/revocation').length
const ends = () => system.events.filter(({ type }) => type === 'grant-ended')

describe('a user whom `allow` does not admit any more', () => {
  test.each<[string, ProxyOptions['allow']]>([
    ['a list', ['bob@example.com']],
    ['a group', ['group:engineers']],
    ['a function', ({ email }) => email === 'bob@example.com'],
  ])('loses the grant at the next refresh after a restart: %s', async (_name, allow) => {
    system = await start({ allow: ['ada@example.com'] })
    const { tokens, client } = await connect(system)
    const restarted = system.another({ allow })
    const before = asked()
    expect(await outcome(await refresh(restarted, client, tokens))).toEqual([400, 'invalid_grant'])
    expect(asked(), 'what the record holds is enough').toBe(before)
    expect(ends()).toEqual([expect.objectContaining({ reason: 'not-in-allow', client: expect.any(String) })])
    expect((await guarded(restarted, tokens.access_token)).status).toBe(401)
    await expect.poll(() => directory.requests).toContain('POST /token/revocation')
  })

  test('is judged by a function at every refresh, with the provider’s id', async () => {
    const judged: string[] = []
    let open = true
    const allow: ProxyOptions['allow'] = ({ subject }, { provider }) => {
      judged.push(`${provider} ${subject}`)
      return open
    }
    system = await start({ allow })
    const { tokens, client } = await connect(system)
    const next = (await (await refresh(system, client, tokens)).json()) as Tokens
    expect(judged).toEqual(['oidc ada', 'oidc ada'])
    open = false
    expect(await outcome(await refresh(system, client, next))).toEqual([400, 'invalid_grant'])
    expect(ends()).toEqual([expect.objectContaining({ reason: 'not-in-allow' })])
  })

  test('keeps the grant while a function fails, and is asked to try again', async () => {
    let fails = false
    const allow = () => {
      if (fails) throw new Error('the directory is down')
      return true
    }
    system = await start({ allow })
    const { tokens, client } = await connect(system)
    fails = true
    expect((await refresh(system, client, tokens)).status).toBe(500)
    fails = false
    expect((await refresh(system, client, tokens)).status).toBe(200)
    expect(ends()).toEqual([])
  })

  test('is unaffected by rules that still admit them', async () => {
    system = await start({ allow: ['ada@example.com'] })
    const { tokens, client } = await connect(system)
    const restarted = system.another({ allow: ['@example.com'] })
    expect((await refresh(restarted, client, tokens)).status).toBe(200)
  })
})

describe('with `revalidate`', () => {
  const options: Partial<ProxyOptions> = { allow: ['group:staff'], revalidate: 300 }
  const OFFLINE = ['openid', 'email', 'offline_access']

  test.each([
    ['a refresh token', OFFLINE],
    ['no refresh token, by userinfo', ['openid', 'email']],
  ])('memberships are read again once a period, at a provider that gave %s', async (_name, scopes) => {
    groups.set('ada', ['staff'])
    system = await start(options, scopes)
    const { tokens, client } = await connect(system)
    expect(tokens.expires_in, 'no access token outlives the period').toBeLessThanOrEqual(300)
    groups.set('ada', [])
    const before = asked()
    system.clock.ahead = 290
    const kept = (await (await refresh(system, client, tokens)).json()) as Tokens
    expect(asked(), 'not asked before the period is over').toBe(before)
    system.clock.ahead = 310
    expect(await outcome(await refresh(system, client, kept))).toEqual([400, 'invalid_grant'])
    expect(asked()).toBeGreaterThan(before)
    expect(ends()).toEqual([expect.objectContaining({ reason: 'not-in-allow' })])
  })

  test('a user who is still a member goes on, and is not asked about again at once', async () => {
    groups.set('ada', ['staff'])
    system = await start(options)
    let { tokens, client } = await connect(system)
    for (const ahead of [310, 620]) {
      system.clock.ahead = ahead
      tokens = (await (await refresh(system, client, tokens)).json()) as Tokens
      const before = asked()
      tokens = (await (await refresh(system, client, tokens)).json()) as Tokens
      expect(tokens.access_token).toBeTypeOf('string')
      expect(asked()).toBe(before)
    }
    expect(ends()).toEqual([])
  })

  test('every token of the grant tells what was learned, at instances that know it and at others', async () => {
    groups.set('ada', ['staff', 'before'])
    system = await start({
      ...options,
      mcp: async (_request, auth) => Response.json(auth.user.claims.groups),
    })
    const told = async (at: StartedSystem, token: string) => (await guarded(at, token)).json()
    const warm = system.another({})
    const { tokens, client } = await connect(system)
    system.clock.ahead = 290
    const early = (await (await refresh(system, client, tokens)).json()) as Tokens
    for (const at of [system, warm]) expect(await told(at, early.access_token)).toEqual(['staff', 'before'])
    groups.set('ada', ['staff', 'after'])
    system.clock.ahead = 310
    const late = (await (await refresh(system, client, early)).json()) as Tokens
    for (const { access_token: token } of [early, late])
      for (const at of [system, warm, system.another({})])
        expect(await told(at, token)).toEqual(['staff', 'after'])
  })

  test('a provider that is away ends no grant: clients wait once two periods have passed', async () => {
    groups.set('ada', ['staff'])
    let isAway = false
    system = await start({
      ...options,
      fetch: (url, init) => (isAway ? Promise.reject(new TypeError('fetch failed')) : fetch(url, init)),
    })
    const { tokens, client } = await connect(system)
    isAway = true
    system.clock.ahead = 310
    const kept = (await (await refresh(system, client, tokens)).json()) as Tokens
    expect(kept.access_token).toBeTypeOf('string')
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'user-not-rechecked' }),
    )
    system.clock.ahead = 700
    expect(await outcome(await refresh(system, client, kept))).toEqual([503, 'temporarily_unavailable'])
    expect(ends()).toEqual([])
    isAway = false
    // A failure is remembered for a moment.
    system.clock.ahead = 800
    expect((await refresh(system, client, kept)).status).toBe(200)
  })

  test('a user whom the provider does not know any more loses the grant', async () => {
    groups.set('ada', ['staff'])
    system = await start(options)
    const { tokens, client } = await connect(system)
    directory.revokeAll()
    system.clock.ahead = 310
    expect(await outcome(await refresh(system, client, tokens))).toEqual([400, 'invalid_grant'])
    expect(ends()).toHaveLength(1)
  })
})

describe('the operator', () => {
  test('lists the grants of users who are not admitted now, and ends them if asked', async () => {
    system = await start({})
    const [ada, bob] = [await connect(system), await connect(system, { login: 'bob' })]
    const narrowed = system.another({ allow: ['bob@example.com'] })
    const judge = async (options?: { end: boolean }) => {
      const found = []
      for await (const grant of narrowed.proxy.grants.judge(options)) found.push(grant)
      return found
    }
    expect(await judge()).toEqual([
      expect.objectContaining({
        reason: 'not-in-allow',
        ended: false,
        account: expect.objectContaining({ subject: 'ada' }),
      }),
    ])
    expect((await guarded(narrowed, ada.tokens.access_token)).status, 'a list changes nothing').toBe(200)
    expect(await judge({ end: true })).toEqual([expect.objectContaining({ ended: true })])
    expect((await guarded(narrowed, ada.tokens.access_token)).status).toBe(401)
    expect(await outcome(await refresh(narrowed, ada.client, ada.tokens))).toEqual([400, 'invalid_grant'])
    expect((await guarded(narrowed, bob.tokens.access_token)).status).toBe(200)
    expect(await judge()).toEqual([])
    expect(ends()).toEqual([expect.objectContaining({ reason: 'not-in-allow' })])
  })

  test('judges nobody without `allow`, and no grant of a client of its own', async () => {
    const clients = [
      {
        clientId: 'job',
        clientSecret: 'a secret of the job, long enough',
        redirectUris: [],
        scopes: ['mcp'],
        clientCredentials: true,
      },
    ]
    system = await start({ clients })
    const form = {
      grant_type: 'client_credentials',
      client_id: 'job',
      client_secret: 'a secret of the job, long enough',
    }
    expect((await system.post('/token', form)).status).toBe(200)
    const narrowed = system.another({ allow: ['bob@example.com'] })
    for (const { proxy } of [system, narrowed])
      for await (const grant of proxy.grants.judge({ end: true })) expect(grant).toBeUndefined()
  })
})

test('a period below a minute is a wrong option', () => {
  const options = { url: 'https://mcp.test', secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4' }
  const upstream = oidc({ issuer: 'https://idp.test', clientId: 'id', clientSecret: 's' })
  const make = (revalidate: number) =>
    createProxy({ ...options, upstream, storage: memory(), mcp: () => new Response(), revalidate })
  expect(() => make(59)).toThrow(/revalidate: /)
  expect(() => make(60)).not.toThrow()
})
