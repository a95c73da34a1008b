import { ConfigError, createProxy } from 'lockgate'
import { atlassian } from 'lockgate/providers/atlassian'
import { github } from 'lockgate/providers/github'
import { cloudflareKv } from 'lockgate/storage/cloudflare-kv'
import { memory } from 'lockgate/storage/memory'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createApprovals } from '../../src/grants/approvals.ts'
import { withEndings } from '../../src/grants/endings.ts'
import { ms, scaleTiming } from '../../src/timing.ts'
import { createKvModel, type KvModel } from '../support/kv-model.ts'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  type System,
  signIn,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

/** Two places on one KV. What one of them writes, the other sees up to 60 seconds later. */
let model: KvModel
let system: StartedSystem
let a: System
let b: System

/** How many of the 60 seconds a write is on its way. The rest of them, other places keep what they read before. */
const PROPAGATION = [0, 55]
let propagation = 0

beforeEach(async () => {
  // The waits for a record that was written elsewhere are real.
  Object.assign(ms, { eventualRead: [1] })
  system = await startSystem({ codeTtl: 600 })
  model = createKvModel(() => Date.now() + system.clock.ahead * 1000, propagation)
  const at = (place: string) =>
    system.another({ storage: cloudflareKv(model.at(place), { acceptStaleness: true }) })
  a = at('A')
  b = at('B')
})
afterEach(async () => {
  scaleTiming(1)
  await system.close()
})

const later = (seconds: number) => {
  system.clock.ahead += seconds
}

const refresh = (place: System, client: TestClient, token: string) =>
  place.post('/token', refreshParams(client, token))

async function refreshed(place: System, client: TestClient, token: string): Promise<Tokens> {
  const response = await refresh(place, client, token)
  expect(response.status).toBe(200)
  return response.json()
}

const isLet = async (place: System, token: string) => (await guarded(place, token)).status === 200

/** @returns Which of these are good, at which place. */
async function goodAnywhere(client: TestClient, tokens: readonly Tokens[]): Promise<string[]> {
  const good: string[] = []
  for (const [name, place] of Object.entries({ A: a, B: b })) {
    for (const [index, { access_token: access, refresh_token: refreshToken }] of tokens.entries()) {
      if (await isLet(place, access)) good.push(`access token ${index} at ${name}`)
      const { status } = await refresh(place, client, refreshToken)
      if (status === 200) good.push(`refresh token ${index} at ${name}`)
    }
  }
  return good
}

describe.each(PROPAGATION)('with writes that need %i s', (seconds) => {
  beforeAll(() => {
    propagation = seconds
  })

  describe('a grant revoked in one place', () => {
    test('ends there at once, everywhere within 60 seconds, and no other place brings it back', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      // B has just read that nothing has ended: it will believe so for a minute.
      expect(await isLet(b, tokens.access_token)).toBe(true)
      await a.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
      expect(await isLet(a, tokens.access_token)).toBe(false)
      later(20)
      const second = await refreshed(b, client, tokens.refresh_token)
      later(20)
      const third = await refreshed(b, client, second.refresh_token)
      expect(await isLet(b, third.access_token)).toBe(true)
      later(20)
      const all = [tokens, second, third]
      expect(await goodAnywhere(client, all)).toEqual([])
      for await (const _ of a.proxy.grants.all()) throw new Error('is still listed')
      later(20 * 86_400)
      expect(await goodAnywhere(client, all)).toEqual([])
      later(20 * 86_400)
      expect(await goodAnywhere(client, all)).toEqual([])
    })

    test('by the operator, or by the user on the account page, ends the same way', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      expect(await isLet(b, tokens.access_token)).toBe(true)
      for await (const grant of a.proxy.grants.all()) expect(await a.proxy.grants.revoke(grant)).toBe(true)
      later(30)
      const second = await refreshed(b, client, tokens.refresh_token)
      later(30)
      expect(await goodAnywhere(client, [tokens, second])).toEqual([])
    })

    test('where it is not seen yet ends, too', async () => {
      const { client, tokens } = await connect(a)
      expect((await b.post('/revoke', { client_id: client.id, token: tokens.refresh_token })).status).toBe(
        200,
      )
      later(60)
      expect(await goodAnywhere(client, [tokens])).toEqual([])
    })

    test('is gone from the central store when nothing of it can be good any more', async () => {
      const { client, tokens } = await connect(a)
      await a.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
      later(60)
      expect(model.count('ended:')).toBe(1)
      later(200 * 86_400)
      expect(['grant:', 'ended:', 'floor:', 'used:'].map(model.count)).toEqual([0, 0, 0, 0])
    })
  })

  describe('access tokens revoked in one place', () => {
    test('are refused everywhere within 60 seconds, though another place writes what it read before', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      expect(await isLet(b, tokens.access_token)).toBe(true)
      await a.post('/revoke', { client_id: client.id, token: tokens.access_token })
      expect(await isLet(a, tokens.access_token)).toBe(false)
      later(30)
      // Issued by a place that did not know: revoked with the others.
      const second = await refreshed(b, client, tokens.refresh_token)
      later(30)
      for (const place of [a, b]) {
        expect(await isLet(place, tokens.access_token)).toBe(false)
        expect(await isLet(place, second.access_token)).toBe(false)
      }
      const third = await refreshed(b, client, second.refresh_token)
      for (const place of [a, b]) expect(await isLet(place, third.access_token)).toBe(true)
      later(3000)
      expect(await isLet(a, tokens.access_token)).toBe(false)
    })

    test('in two places within a minute are revoked by both', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      expect(await isLet(b, tokens.access_token)).toBe(true)
      await a.post('/revoke', { client_id: client.id, token: tokens.access_token })
      later(20)
      const second = await refreshed(a, client, tokens.refresh_token)
      later(20)
      // B has seen neither.
      await b.post('/revoke', { client_id: client.id, token: second.access_token })
      later(60)
      for (const place of [a, b]) {
        expect(await isLet(place, tokens.access_token)).toBe(false)
        expect(await isLet(place, second.access_token)).toBe(false)
      }
    })
  })

  describe('a code', () => {
    /** Redeems one code in A, and in B after some seconds. Both know the record from before. */
    async function redeemTwice(seconds: number) {
      const client = await register(a)
      const params = redeemParams(client, await signIn(b, client))
      later(propagation)
      const first = await a.post('/token', params)
      later(seconds)
      const second = await b.post('/token', params)
      return { client, first, second }
    }

    test('is redeemed twice within the staleness of the store at most, and never later', async () => {
      expect((await redeemTwice(50)).second.status).toBe(propagation > 0 ? 200 : 400)
      const { client, first, second } = await redeemTwice(60)
      expect(await outcome(second)).toEqual([400, 'invalid_grant'])
      // The second use ends the grant.
      const tokens = (await first.json()) as Tokens
      later(60)
      expect(await goodAnywhere(client, [tokens])).toEqual([])
    })

    test('that was redeemed twice: both sets end together when that is seen', async () => {
      const { client, first, second } = await redeemTwice(50)
      // A place that sees the first use at once ends the grant here already.
      if (propagation === 0) return expect(second.status).toBe(400)
      const [victim, thief] = [(await first.json()) as Tokens, (await second.json()) as Tokens]
      later(3000)
      const next = await refreshed(a, client, victim.refresh_token)
      later(70)
      // The other owner of the set comes.
      expect(await outcome(await refresh(b, client, thief.refresh_token))).toEqual([400, 'invalid_grant'])
      expect(system.events).toContainEqual(
        expect.objectContaining({ type: 'reuse-detected', reason: 'refresh-token-reused' }),
      )
      later(60)
      expect(await goodAnywhere(client, [victim, thief, next])).toEqual([])
    })
  })

  describe('a refresh token', () => {
    test('that was used elsewhere over a minute ago ends the grant', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      expect(await isLet(b, tokens.access_token)).toBe(true)
      const second = await refreshed(a, client, tokens.refresh_token)
      const third = await refreshed(a, client, second.refresh_token)
      later(60)
      expect(await outcome(await refresh(b, client, tokens.refresh_token))).toEqual([400, 'invalid_grant'])
      expect(system.events).toContainEqual(
        expect.objectContaining({ type: 'reuse-detected', reason: 'refresh-token-reused' }),
      )
      later(60)
      expect(await goodAnywhere(client, [tokens, second, third])).toEqual([])
    })

    test('is recognised as used though a place wrote an older record over it', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      const second = await refreshed(a, client, tokens.refresh_token)
      later(61)
      // B reads the second generation, and keeps it.
      expect(await isLet(b, second.access_token)).toBe(true)
      const third = await refreshed(a, client, second.refresh_token)
      const fourth = await refreshed(a, client, third.refresh_token)
      later(50)
      // Stolen, and used in a place that does not know yet: it writes a record that is older than what A issued.
      expect((await refresh(b, client, second.refresh_token)).status).toBe(200)
      later(70)
      expect(await outcome(await refresh(b, client, third.refresh_token))).toEqual([400, 'invalid_grant'])
      later(60)
      expect(await goodAnywhere(client, [second, third, fourth])).toEqual([])
    })

    test('works in turn in two places, as a client that moves uses it', async () => {
      const { client, tokens } = await connect(a)
      later(60)
      let newest = tokens
      for (let round = 0; round < 12; round++) {
        later([5, 30, 70, 3000][round % 4]!)
        const place = round % 2 === 0 ? b : a
        newest = await refreshed(place, client, newest.refresh_token)
        expect(await isLet(place, newest.access_token)).toBe(true)
      }
      expect(system.events.filter(({ type }) => type === 'reuse-detected')).toEqual([])
    })

    test('sent again by a client that lost the response gets the same successor, there and elsewhere', async () => {
      const { client, tokens } = await connect(a)
      later(120)
      const first = await refreshed(a, client, tokens.refresh_token)
      later(5)
      const again = await refreshed(a, client, tokens.refresh_token)
      const elsewhere = await refreshed(b, client, tokens.refresh_token)
      expect([again.refresh_token, elsewhere.refresh_token]).toEqual(Array(2).fill(first.refresh_token))
    })
  })

  test('at random in three places, nothing is good a minute after it was revoked', async () => {
    const places = ['A', 'B', 'C'].map((place) =>
      system.another({ storage: cloudflareKv(model.at(place), { acceptStaleness: true }), limits: false }),
    )
    // A fixed sequence, so that a failure can be repeated.
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    for (let run = 0; run < 12; run++) {
      const { client, tokens } = await connect(places[random(3)]!)
      const all = [tokens]
      const revokeAt = random(20)
      let revokedFor: number | undefined
      for (let step = 0; step < 40 && (revokedFor ?? 0) < 200; step++) {
        const pause = random(25)
        later(pause)
        if (revokedFor !== undefined) revokedFor += pause
        const place = places[random(3)]!
        const known = all[random(all.length)]!
        if (step === revokeAt) {
          await place.post('/revoke', { client_id: client.id, token: all.at(-1)!.refresh_token })
          revokedFor = 0
          continue
        }
        const isOver = revokedFor !== undefined && revokedFor >= 60
        if (random(2) === 0) {
          const passed = await isLet(place, known.access_token)
          if (isOver) expect(passed).toBe(false)
        } else {
          const response = await refresh(place, client, all.at(-1)!.refresh_token)
          if (isOver) expect(response.status).toBe(400)
          else if (response.status === 200) all.push((await response.json()) as Tokens)
        }
      }
    }
  })

  test('a registration that was deleted in one place is not brought back by its use in another', async () => {
    const options = { registration: 'stored' as const, registrationTtl: 20 * 86_400 }
    const at = (place: string) =>
      system.another({ ...options, storage: cloudflareKv(model.at(place), { acceptStaleness: true }) })
    const [one, other] = [at('A'), at('B')]
    const registered = await one.call('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: ['http://127.0.0.1:5555/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
      }),
    })
    const { client_id: id, ...rest } = (await registered.json()) as Record<string, string>
    const client = { id: id!, secret: undefined, redirectUri: 'http://127.0.0.1:5555/callback' }
    later(60)
    const { tokens } = await connect(other, { client })
    // B reads the registration at the time at which a use prolongs it.
    later(3 * 86_400)
    expect((await refresh(other, client, tokens.refresh_token)).status).toBe(200)
    const deleted = await one.call(rest.registration_client_uri!, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${rest.registration_access_token}` },
    })
    expect(deleted.status).toBe(204)
    later(40)
    await signIn(other, client)
    later(60)
    for (const place of [one, other]) {
      const response = await place.call(`/authorize?client_id=${id}&response_type=code`)
      expect(response.status).toBe(400)
    }
  })
})

describe('what KV cannot hold', () => {
  const kv = () => cloudflareKv(model.at('A'), { acceptStaleness: true })
  const credentials = { clientId: 'id', clientSecret: 'secret' }
  const options = (forward: 'identity' | 'upstream-token', upstream = atlassian(credentials)) => ({
    url: 'https://mcp.example',
    secret: 'a secret of the tests, long enough to be one',
    allow: ['@acme.test'],
    upstream,
    mcp: { url: 'http://localhost:3000/mcp', forward },
  })

  test('is said at the start, once, unless it was accepted', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    try {
      const store = cloudflareKv(model.at('A'))
      expect(warn.mock.calls.flat().join()).toMatch(
        /up to 60 s behind.*revoked grant.*code.*replace refresh tokens/,
      )
      expect(store.staleness).toBe(60)
      warn.mockClear()
      kv()
      expect(warn).not.toHaveBeenCalled()
    } finally {
      warn.mockRestore()
    }
  })

  test('tokens of a provider that replaces refresh tokens are refused, with what to use instead', () => {
    const create = () => createProxy({ ...options('upstream-token'), storage: kv() })
    expect(create).toThrow(ConfigError)
    expect(create).toThrow(
      /mcp\.0\.forward: cannot send the token of a user .*Atlassian replaces refresh tokens: use a Durable Object/,
    )
  })

  test.each([
    ['an atomic store', () => createProxy({ ...options('upstream-token'), storage: memory() })],
    ['a server that gets the identity only', () => createProxy({ ...options('identity'), storage: kv() })],
    [
      'a provider that keeps refresh tokens',
      () => createProxy({ ...options('upstream-token', github(credentials)), storage: kv() }),
    ],
  ])('is no matter for %s', (_name, create) => {
    expect(create).not.toThrow()
  })
})

test.each(PROPAGATION)(
  'a remembered approval ends here at once and elsewhere within 60 s: writes need %i s',
  async (seconds) => {
    model = createKvModel(() => Date.now() + system.clock.ahead * 1000, seconds)
    const now = () => Math.floor(Date.now() / 1000) + system.clock.ahead
    const [here, there] = ['A', 'B'].map((place) => {
      const store = withEndings(cloudflareKv(model.at(place), { acceptStaleness: true }), {
        now,
        lifetime: 1000,
      })
      return createApprovals({ store, now, seconds: 1000 })
    }) as [ReturnType<typeof createApprovals>, ReturnType<typeof createApprovals>]
    const about = (client: string) => ({
      subject: 's',
      client,
      clientName: client,
      provider: 'oidc',
      scope: ['read'],
      upstream: [],
      refreshes: true,
    })
    const [ended, kept] = [await here.save('user', about('one')), await here.save('user', about('two'))]
    later(61)
    const found = async (place: typeof here) =>
      (await Promise.all([place.find(ended), place.find(kept)])).map((one) => one?.client)
    expect(await found(there)).toEqual(['one', 'two'])
    expect(await found(here)).toEqual(['one', 'two'])
    await here.forget('user', 'one')
    expect(await found(here)).toEqual([undefined, 'two'])
    later(61)
    expect(await found(there)).toEqual([undefined, 'two'])
    later(1000)
    expect(await found(there)).toEqual([undefined, undefined])
  },
)
