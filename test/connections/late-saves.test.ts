import { memory } from 'lockgate/storage/memory'
import { afterEach, describe, expect, test } from 'vitest'
import { scaleTiming } from '../../src/timing.ts'
import { ROWS, type Row } from '../providers/rows.ts'
import {
  callServer,
  connectImitated,
  type ImitatedSystem,
  startImitated,
} from '../support/imitation/system.ts'
import { guarded, outcome, refreshParams } from '../support/system.ts'

const closing: { close(): unknown }[] = []
afterEach(async () => {
  scaleTiming(1)
  for (const one of closing.splice(0)) await one.close()
})

const rowOf = (name: string): Row => ROWS.find((one) => one.name === name)!

/** A store that answers until it is away. It may go away right after the write that takes the lease. */
function flakyStore(shared = memory()) {
  const state = { isAway: false, leavesAfterLease: false }
  const whileThere = <Args extends unknown[], T>(method: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (state.isAway) throw new Error('the store is away')
      const result = await method(...args)
      if (state.leavesAfterLease && JSON.stringify(args).includes('leasedUntil')) state.isAway = true
      return result
    }
  }
  const { get, set, swap, delete: remove } = shared
  const methods = {
    get: whileThere(get),
    set: whileThere(set),
    swap: whileThere(swap),
    delete: whileThere(remove),
  }
  return { state, storage: { ...shared, ...methods } }
}

async function start(
  name: string,
  storage: ReturnType<typeof memory>,
  before?: ImitatedSystem,
): Promise<ImitatedSystem> {
  const { provider, profile } = rowOf(name)
  const system = await startImitated(provider, profile, {
    storage,
    accessTokenTtl: 86_400,
    ...(before && { before: before.imitation }),
  })
  closing.push(system)
  return system
}

const refreshes = ({ imitation }: ImitatedSystem) => imitation.asked.filter((one) => one === 'refresh').length
const typesOf = ({ events }: ImitatedSystem) => events.map(({ type }) => type)

describe('a store that is away for long, while the provider answers a refresh', () => {
  /** The provider has answered, and every attempt of the request to save has failed. */
  async function lose(name = 'airtable') {
    const shared = { ...memory(), consistency: 'atomic' as const }
    const { state, storage } = flakyStore(shared)
    const system = await start(name, storage)
    const { client, tokens } = await connectImitated(system)
    system.clock.ahead += (system.imitation.profile.ttl ?? 1800) + 1
    scaleTiming(0.02)
    state.leavesAfterLease = true
    const refused = await guarded(system, tokens.access_token)
    expect(await outcome(refused)).toEqual([503, 'temporarily_unavailable'])
    expect(refreshes(system)).toBe(1)
    expect(typesOf(system)).not.toContain('upstream-refreshed')
    state.leavesAfterLease = false
    return { shared, state, system, client, tokens }
  }

  test('its new token works once, as the old one did', () =>
    expect(rowOf('airtable').provider.rotation).toBe('always'))

  test('takes the new token when it is back, without a further request', async () => {
    const { state, system, client, tokens } = await lose()
    // Longer than the request tried.
    await new Promise((resolve) => setTimeout(resolve, 500))
    state.isAway = false
    await expect.poll(() => typesOf(system)).toContain('upstream-refreshed')
    const { token } = await callServer(system, tokens.access_token)
    expect(system.imitation.grants.personOf(token)?.login).toBe('ada')
    expect((await system.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
    expect(refreshes(system)).toBe(1)
    expect(typesOf(system)).not.toContain('grant-ended')
  })

  test('and another instance uses it then', async () => {
    const { shared, state, system, tokens } = await lose()
    state.isAway = false
    await expect.poll(() => typesOf(system)).toContain('upstream-refreshed')
    const other = await start('airtable', shared, system)
    other.clock.ahead = system.clock.ahead
    const { token } = await callServer(other, tokens.access_token)
    expect(system.imitation.grants.personOf(token)?.login).toBe('ada')
    expect(refreshes(system)).toBe(1)
  })

  test('gets it from the next request of the process, if that comes first', async () => {
    scaleTiming(1)
    const { state, system, tokens } = await lose()
    state.isAway = false
    // The lease of the first attempt counts as abandoned.
    system.clock.ahead += 60
    const { token } = await callServer(system, tokens.access_token)
    expect(system.imitation.grants.personOf(token)?.login).toBe('ada')
    expect(refreshes(system)).toBe(1)
  })

  test('keeps the token that another instance got meanwhile', async () => {
    // A provider that does not replace refresh tokens answers both.
    const { shared, state, system, tokens } = await lose('google')
    const other = await start('google', shared, system)
    other.clock.ahead = system.clock.ahead + 60
    const { token } = await callServer(other, tokens.access_token)
    expect(refreshes(system)).toBe(2)
    state.isAway = false
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await callServer(other, tokens.access_token)).token).toBe(token)
    expect((await callServer(system, tokens.access_token)).token).toBe(token)
    expect(refreshes(system)).toBe(2)
  })
})
