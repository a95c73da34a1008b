import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ROWS, type Row } from '../providers/rows.ts'
import {
  callServer,
  connectImitated,
  type ImitatedSystem,
  signInImitated,
  startImitated,
} from '../support/imitation/system.ts'
import { refreshParams, register, type Tokens } from '../support/system.ts'

const systems: ImitatedSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close()
})

const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

async function start(
  name: string,
  own: Parameters<typeof startImitated>[2] = {},
  profile: Partial<Row['profile']> = {},
) {
  const row = rowOf(name)
  const system = await startImitated(row.provider, { ...row.profile, ...profile }, own)
  systems.push(system)
  return system
}

type Connected = Awaited<ReturnType<typeof connectImitated>>

const revoke = (system: ImitatedSystem, { client, tokens }: Connected) =>
  system.post('/revoke', { token: tokens.refresh_token, client_id: client.id })

const refresh = async (system: ImitatedSystem, { client, tokens }: Connected) =>
  system.post('/token', refreshParams(client, tokens.refresh_token))

const revocations = ({ imitation }: ImitatedSystem) =>
  imitation.asked.filter((one) => one === 'revoke').length

/** Time for work that no response waits for. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 60))

describe.each(['google', 'keycloak', 'discord', 'slack', 'xero'])(
  '%s, where one revocation ends all',
  (name) => {
    test('ending one of two grants of a user leaves the other working, and the last one revokes', async () => {
      const system = await start(name)
      const [one, two] = [await connectImitated(system), await connectImitated(system)]
      expect((await revoke(system, one)).status).toBe(200)
      await settle()
      expect(revocations(system)).toBe(0)
      expect((await refresh(system, one)).status).toBe(400)

      const told = await callServer(system, two.tokens.access_token)
      expect(system.imitation.grants.personOf(told.token)?.login).toBe('ada')
      system.clock.ahead += system.imitation.profile.ttl ?? 1800
      const response = await refresh(system, two)
      expect(response.status).toBe(200)
      const next = (await response.json()) as Tokens
      const after = await callServer(system, next.access_token)
      expect(system.imitation.grants.personOf(after.token)?.login).toBe('ada')

      expect((await revoke(system, { ...two, tokens: next })).status).toBe(200)
      await vi.waitFor(() => expect(system.imitation.grants.personOf(after.token)).toBeUndefined())
      expect(system.events.filter(({ type }) => type === 'failed')).toEqual([])
    })

    test('grants of another user do not count', async () => {
      const system = await start(name)
      const [ada, grace] = [await connectImitated(system), await connectImitated(system, 'grace')]
      const { token } = await callServer(system, ada.tokens.access_token)
      const other = await callServer(system, grace.tokens.access_token)
      await revoke(system, ada)
      await vi.waitFor(() => expect(system.imitation.grants.personOf(token)).toBeUndefined())
      expect(system.imitation.grants.personOf(other.token)?.login).toBe('grace')
    })

    test('a user who is turned away keeps the grants that live', async () => {
      let allowed = true
      const system = await start(name, { allow: () => allowed })
      const connected = await connectImitated(system)
      const { token } = await callServer(system, connected.tokens.access_token)
      allowed = false
      await signInImitated(system, await register(system)).catch(() => undefined)
      expect(system.events.some(({ type }) => type === 'turned-away')).toBe(true)
      await settle()
      expect(system.imitation.grants.personOf(token)?.login).toBe('ada')
    })
  },
)

test('where a revocation ends its own token, each grant revokes', async () => {
  const system = await start('gitlab')
  const [one, two] = [await connectImitated(system), await connectImitated(system)]
  const [first, second] = [
    await callServer(system, one.tokens.access_token),
    await callServer(system, two.tokens.access_token),
  ]
  await revoke(system, one)
  await vi.waitFor(() => expect(system.imitation.grants.personOf(first.token)).toBeUndefined())
  expect(system.imitation.grants.personOf(second.token)?.login).toBe('ada')
})

test('both grants of a user that end at once leave nothing at the provider', async () => {
  const system = await start('discord')
  const [one, two] = [await connectImitated(system), await connectImitated(system)]
  const { token } = await callServer(system, one.tokens.access_token)
  await Promise.all([revoke(system, one), revoke(system, two)])
  await vi.waitFor(() => expect(system.imitation.grants.personOf(token)).toBeUndefined())
})

describe('a refusal because another instance refreshed first', () => {
  test('does not end the grant: the tokens of the other instance are used', async () => {
    // Without leases, as on a store of one process that two processes share.
    const storage = { ...memory(), consistency: 'process' as const }
    const loser = await start('github-app', { storage }, { toleratesReuse: true })
    const winner = await start('github-app', { storage, before: loser.imitation }, { toleratesReuse: true })
    const connected = await connectImitated(loser)
    for (const system of [loser, winner]) system.clock.ahead += 28_800
    // The other instance wins while this one's request is on its way.
    const { fetch } = loser.imitation
    let won = false
    loser.imitation.fetch = async (input, init) => {
      if (!won && `${init?.body}`.includes('grant_type=refresh_token')) {
        won = true
        await callServer(winner, connected.tokens.access_token).catch(() => undefined)
        await refresh(winner, connected)
      }
      return fetch(input, init)
    }
    const response = await refresh(loser, connected)
    expect(won).toBe(true)
    expect([response.status, loser.events.some(({ type }) => type === 'grant-ended')]).toEqual([200, false])
  })

  test('ends the grant if no other instance did', async () => {
    const system = await start('github-app', {}, { toleratesReuse: true })
    const connected = await connectImitated(system)
    system.clock.ahead += 28_800
    system.imitation.grants.renewAll()
    expect((await refresh(system, connected)).status).toBe(400)
    expect(system.events.filter(({ type }) => type === 'grant-ended')).toHaveLength(1)
  })
})

describe('the event of a grant that the provider ended', () => {
  const dead = async (newer: boolean, days = 0) => {
    const system = await start('salesforce')
    const connected = await connectImitated(system)
    system.clock.ahead += 10
    if (newer) await connectImitated(system)
    system.clock.ahead += 900 + days * 86_400
    system.imitation.grants.endAll()
    expect((await refresh(system, connected)).status).toBe(400)
    return system.events.find(({ type }) => type === 'grant-ended')?.detail
  }

  test('names the limit of the provider if the user signed in again later', async () => {
    expect(await dead(true)).toBe(
      'invalid_grant; the user signed in again later, and Salesforce keeps 5 sign-in(s) of a user and application',
    )
  })

  test('does not if there was no newer sign-in, or none recently', async () => {
    expect(await dead(false)).toBe('invalid_grant')
    expect(await dead(true, 8)).toBe('invalid_grant')
  })
})
