import { notion } from 'lockgate/providers/notion'
import { memory } from 'lockgate/storage/memory'
import { redis } from 'lockgate/storage/redis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { scaleTiming } from '../../src/timing.ts'
import { ROWS, type Row } from '../providers/rows.ts'
import { startImitation } from '../support/imitation/imitation.ts'
import {
  CLIENT,
  callServer,
  connectImitated,
  type ImitatedSystem,
  startImitated,
} from '../support/imitation/system.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { guarded, outcome, refreshParams, type Tokens } from '../support/system.ts'

const closing: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

async function start(name: string, own: Parameters<typeof startImitated>[2] = {}): Promise<ImitatedSystem> {
  const { provider, profile } = rowOf(name)
  const system = await startImitated(provider, profile, { accessTokenTtl: 86_400, ...own })
  closing.push(system)
  return system
}

/** It does not say when its tokens end, and nothing is assumed. */
const startNotion = () =>
  start('notion', { upstream: notion({ clientId: CLIENT.id, clientSecret: CLIENT.secret }) })

const refreshes = ({ imitation }: ImitatedSystem) => imitation.asked.filter((one) => one === 'refresh').length
const ended = ({ events }: ImitatedSystem) => events.filter(({ type }) => type === 'grant-ended')

describe('two instances on one Redis, before a provider that takes a refresh token once', () => {
  if (noRedis) console.warn(`Left out: needs ${noRedis}.`)
  let server: RedisServer
  beforeAll(async () => {
    if (!noRedis) server = await startRedis()
  })
  afterAll(() => server?.stop())

  async function startTwo(): Promise<[ImitatedSystem, ImitatedSystem]> {
    const { provider, profile } = rowOf('airtable')
    const imitation = await startImitation(profile, CLIENT)
    const systems = [0, 1].map(() => {
      const storage = redis({ url: server.url })
      closing.push(storage)
      return startImitated(provider, profile, { before: imitation, storage, accessTokenTtl: 86_400 })
    })
    const [one, two] = await Promise.all(systems)
    closing.push(one!)
    return [one!, two!]
  }

  const CASES = [
    ['200 requests at the moment of expiry lead to one refresh', []],
    ['so they do where the first attempt is answered with 503', [{ status: 503 }]],
    ['so they do where the connection of the first attempt breaks', ['reset' as const]],
  ] as const
  test.skipIf(noRedis).each(CASES)('%s', async (_name, faults) => {
    const [one, two] = await startTwo()
    const { client, tokens } = await connectImitated(one)
    const before = await callServer(two, tokens.access_token)
    for (const each of [one, two]) each.clock.ahead += one.imitation.profile.ttl ?? 1800
    for (const fault of faults) one.imitation.faults.push({ at: 'refresh', fault })
    const told = await Promise.all(
      Array.from({ length: 200 }, (_, index) => callServer(index % 2 ? one : two, tokens.access_token)),
    )
    const [token, ...others] = new Set(told.map((each) => each.token))
    expect(others, 'everybody got one and the same').toEqual([])
    expect(token).not.toBe(before.token)
    expect(one.imitation.grants.personOf(token!)?.login, 'and it works').toBe('ada')
    expect(refreshes(one)).toBe(1 + faults.length)
    const events = [...one.events, ...two.events].map(({ type }) => type)
    expect(events.filter((type) => type === 'upstream-refreshed')).toHaveLength(1)
    for (const type of ['grant-ended', 'failed', 'refused']) expect(events).not.toContain(type)
    // The grant lives, and what was saved is the token that works.
    for (const each of [one, two]) each.clock.ahead += one.imitation.profile.ttl ?? 1800
    const response = await two.post('/token', refreshParams(client, tokens.refresh_token))
    expect(response.status).toBe(200)
    expect(refreshes(one)).toBe(2 + faults.length)
  })

  test.skipIf(noRedis)('a token that is refused at both is refreshed once', async () => {
    const [one, two] = await startTwo()
    const { tokens } = await connectImitated(one)
    const { token } = await callServer(one, tokens.access_token)
    for (const each of [one, two]) each.clock.ahead += 120
    const refuse = (each: ImitatedSystem) =>
      each.call('/mcp', {
        method: 'POST',
        body: '{}',
        headers: { authorization: `Bearer ${tokens.access_token}`, 'x-refused': token },
      })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => refuse(index % 2 ? one : two)))
    const told = (await Promise.all(answers.map((answer) => answer.json()))) as { token: string }[]
    expect(new Set(told.map((each) => each.token)).size).toBe(1)
    expect(told[0]!.token).not.toBe(token)
    expect(refreshes(one)).toBe(1)
  })
})

describe('a token whose end the provider does not say', () => {
  const refuse = (system: ImitatedSystem, tokens: Tokens, token: string) =>
    guarded(system, tokens.access_token, { headers: { 'x-refused': token } })

  test('is used until it is refused, and then refreshed once', async () => {
    const system = await startNotion()
    const { tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    system.clock.ahead += 80_000
    expect((await callServer(system, tokens.access_token)).token).toBe(token)
    expect(refreshes(system)).toBe(0)
    const next = (await (await refuse(system, tokens, token)).json()) as { token: string }
    expect(next.token).not.toBe(token)
    expect(system.imitation.grants.personOf(next.token)?.login).toBe('ada')
    // Who comes late with the old one is given the new one.
    expect(await (await refuse(system, tokens, token)).json()).toMatchObject({ token: next.token })
    expect(refreshes(system)).toBe(1)
  })

  test('and is refused as soon as it was issued is not what the refusal is about', async () => {
    const system = await startNotion()
    const { tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    expect(await outcome(await refuse(system, tokens, token))).toEqual([502, 'bad_gateway'])
    expect(refreshes(system)).toBe(0)
    expect((await callServer(system, tokens.access_token)).token).toBe(token)
  })

  test('and nobody can refresh ends the grant when it is refused', async () => {
    const system = await start('github')
    const { client, tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    system.clock.ahead += 3600
    const response = await refuse(system, tokens, token)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ])
    expect(ended(system)[0]?.reason).toBe('provider-token-refused')
    const refused = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
  })

  test('and was ended at the provider ends the grant at its next use', async () => {
    const system = await startNotion()
    const { tokens } = await connectImitated(system)
    const { token } = await callServer(system, tokens.access_token)
    system.clock.ahead += 3600
    system.imitation.grants.endAll()
    expect((await refuse(system, tokens, token)).status).toBe(401)
    expect(ended(system)[0]).toMatchObject({ reason: 'provider-error', detail: 'invalid_grant' })
  })
})

test('no access token outlives a token of the provider that cannot be refreshed', async () => {
  const { provider, profile } = rowOf('oidc')
  const system = await startImitated(provider, { ...profile, refreshes: 'never', ttl: 900 })
  closing.push(system)
  const { client, tokens } = await connectImitated(system)
  expect(tokens.expires_in).toBeGreaterThan(890)
  expect(tokens.expires_in).toBeLessThanOrEqual(900)
  system.clock.ahead += 600
  const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
  expect(((await response.json()) as Tokens).expires_in, 'nor does its successor').toBeLessThanOrEqual(300)
  system.clock.ahead += 301
  expect((await guarded(system, tokens.access_token)).status).toBe(401)
})

describe('an outage of the provider', () => {
  afterEach(() => scaleTiming(1))

  test.each([
    ['refuses connections', 'refused' as const],
    ['answers 500', 500],
    ['answers 503', 503],
  ])(
    'of a minute, in which it %s, logs nobody out',
    async (_name, how) => {
      let down = false
      const { provider, profile } = rowOf('airtable')
      const imitation = await startImitation(profile, CLIENT)
      const system = await start('airtable', {
        before: imitation,
        mcp: async (request, auth) =>
          Response.json({
            token: request.headers.has('x-plain') ? 'none' : await auth.upstream.accessToken(),
          }),
        fetch: async (input, init) => {
          if (!down) return imitation.fetch(input, init)
          if (how !== 'refused') return new Response('{"error":"invalid_grant"}', { status: how })
          // A port where nobody listens.
          return fetch('http://127.0.0.1:9/', init)
        },
      })
      expect(provider.rotation).toBe('always')
      const people = await Promise.all(['ada', 'grace'].map((login) => connectImitated(system, login)))
      system.clock.ahead += (profile.ttl ?? 1800) + 1
      down = true
      scaleTiming(0.2)
      for (let second = 0; second < 60; second += 20) {
        system.clock.ahead += 20
        for (const { client, tokens } of people) {
          const refused = await guarded(system, tokens.access_token)
          expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
          expect(await outcome(refused)).toEqual([503, 'temporarily_unavailable'])
          const plain = await guarded(system, tokens.access_token, { headers: { 'x-plain': '1' } })
          expect(plain.status, 'what needs no token of the provider passes').toBe(200)
          const refresh = await system.post('/token', refreshParams(client, tokens.refresh_token))
          expect(await outcome(refresh)).toEqual([503, 'temporarily_unavailable'])
        }
      }
      down = false
      for (const { client, tokens } of people) {
        expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
        expect((await guarded(system, tokens.access_token)).status).toBe(200)
      }
      expect(ended(system)).toEqual([])
    },
    60_000,
  )

  test('keeps no operator from ending a grant', async () => {
    const system = await start('discord')
    const { tokens } = await connectImitated(system)
    const { user } = await callServer(system, tokens.access_token)
    const [grant] = await system.proxy.grants.list(user.id)
    for (let times = 0; times < 4; times++) system.imitation.faults.push({ at: 'revoke', fault: 'reset' })
    // All attempts together still take longer than a call waits.
    scaleTiming(0.5)
    const began = Date.now()
    expect(await system.proxy.grants.revoke(grant!)).toBe(true)
    expect(Date.now() - began).toBeLessThan(4000)
    expect((await guarded(system, tokens.access_token)).status).toBe(401)
    await vi.waitFor(
      () => expect(system.events).toContainEqual(expect.objectContaining({ type: 'failed', user: user.id })),
      15_000,
    )
  })
})

test('a sign-in that is over at the provider is over here at its next use', async () => {
  const system = await start('airtable')
  const { client, tokens } = await connectImitated(system)
  system.imitation.grants.endAll()
  system.clock.ahead += system.imitation.profile.ttl ?? 1800
  expect((await guarded(system, tokens.access_token)).status).toBe(401)
  const refused = await system.post('/token', refreshParams(client, tokens.refresh_token))
  expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
  expect(ended(system)).toHaveLength(1)
})

test('a store that fails for a moment does not cost the token that replaced another', async () => {
  const storage = memory()
  let fails = 0
  const flaky = {
    ...storage,
    swap: async (...write: Parameters<typeof storage.swap>) => {
      // The first write says that the provider is asked, the second one holds its answer.
      if (fails > 0 && !JSON.stringify(write[2]).includes('askedAt')) {
        fails--
        throw new Error('the store is away')
      }
      return storage.swap(...write)
    },
  }
  const system = await start('airtable', { storage: flaky })
  const { client, tokens } = await connectImitated(system)
  system.clock.ahead += system.imitation.profile.ttl ?? 1800
  fails = 1
  const { token } = await callServer(system, tokens.access_token)
  expect(system.imitation.grants.personOf(token)?.login).toBe('ada')
  system.clock.ahead += system.imitation.profile.ttl ?? 1800
  expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
  expect(fails).toBe(0)
})
