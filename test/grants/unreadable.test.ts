import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fs } from 'lockgate/storage/fs'
import { memory } from 'lockgate/storage/memory'
import { redis } from 'lockgate/storage/redis'
import { afterEach, describe, expect, test } from 'vitest'
import { noRedis } from '../support/redis.ts'
import { createRedisLab } from '../support/redis-lab.ts'
import {
  connect,
  guarded,
  outcome,
  refreshParams,
  type StartedSystem,
  startSystem,
} from '../support/system.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function start(options: Parameters<typeof startSystem>[0] = {}): Promise<StartedSystem> {
  const system = await startSystem({ revocationLag: 0, ...options })
  closing.push(() => system.close())
  return system
}

type Connected = Awaited<ReturnType<typeof connect>>

const grantOf = ({ tokens }: Connected) => {
  const [user = '', id = ''] = tokens.refresh_token.split('.')
  return { user, id }
}
const keyOf = (one: Connected) => `grant:${grantOf(one).user}:${grantOf(one).id}`

const listed = async (system: StartedSystem) => {
  const found = []
  for await (const grant of system.proxy.grants.all()) found.push(grant.id)
  return found
}

const record = async (system: StartedSystem, one: Connected) =>
  (await system.store.get(keyOf(one)))!.value as Record<string, unknown>

/** What may be under a grant's key, and is not a grant. */
const DAMAGE: [string, (good: Record<string, unknown>) => unknown][] = [
  ['a text', () => 'text'],
  ['null', () => null],
  ['a list', (good) => [good]],
  ['an object of another program', () => ({ some: 'thing' })],
  ['a record without its client', ({ client: _, ...good }) => good],
  ['a record with a damaged time', (good) => ({ ...good, expiresAt: 'soon' })],
  ['a record whose sealed parts are gone', ({ identity: _, upstream: __, ...good }) => good],
  ['a format of a build that is gone', (good) => ({ ...good, format: 9, rotatedAt: 1 })],
]

describe.each(DAMAGE)('a record that is %s', (_name, damage) => {
  test('lets its user sign in again, hides no other, and can be revoked unread', async () => {
    const system = await start()
    const [one, other] = [await connect(system), await connect(system, { login: 'grace' })]
    await system.store.set(keyOf(one), damage(await record(system, one)), 600)

    const refused = await system.post('/token', refreshParams(one.client, one.tokens.refresh_token))
    expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
    expect((await guarded(system, one.tokens.access_token)).status).toBe(401)
    expect(system.events.findLast(({ reason }) => reason === 'record-unreadable')).toMatchObject({
      detail: Object.values(grantOf(one)).join('.'),
    })
    expect((await guarded(system, other.tokens.access_token)).status).toBe(200)

    system.events.length = 0
    expect(await listed(system)).toEqual([grantOf(other).id])
    expect(await system.proxy.grants.list(grantOf(one).user)).toEqual([])
    const named = {
      type: 'failed',
      reason: 'record-unreadable',
      grant: Object.values(grantOf(one)).join('.'),
    }
    expect(system.events).toEqual([expect.objectContaining(named), expect.objectContaining(named)])

    expect(await system.proxy.grants.revoke(grantOf(one))).toBe(true)
    expect(await system.store.get(keyOf(one))).toBeUndefined()
    expect(await system.proxy.grants.revoke(grantOf(one))).toBe(false)
    expect((await guarded(system, other.tokens.access_token)).status).toBe(200)
  })
})

test('a record whose sealed parts were altered is revoked, and an event says that the provider was not told', async () => {
  const system = await start()
  const one = await connect(system)
  const good = await record(system, one)
  await system.store.set(keyOf(one), { ...good, upstream: 'altered', identity: 'altered' }, 600)
  const refused = await system.post('/token', refreshParams(one.client, one.tokens.refresh_token))
  expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
  expect(await listed(system)).toEqual([grantOf(one).id])
  expect(await system.proxy.grants.revoke(grantOf(one))).toBe(true)
  expect(await system.store.get(keyOf(one))).toBeUndefined()
  expect(system.events.slice(-2)).toEqual([
    expect.objectContaining({ type: 'grant-ended', reason: 'revoked-by-operator' }),
    expect.objectContaining({ type: 'failed', reason: 'provider-tokens-not-revoked' }),
  ])
})

test('a user disconnects on the account page what can be read there, and nothing else is shown', async () => {
  const system = await start()
  const one = await connect(system)
  await system.store.set(keyOf(one), { some: 'thing' }, 600)
  expect(await system.proxy.grants.list(grantOf(one).user)).toEqual([])
})

test('a file that is damaged on the disk is a record that cannot be read', async () => {
  const base = await mkdtemp(join(tmpdir(), 'lockgate-unreadable-'))
  closing.push(() => rm(base, { recursive: true, force: true }))
  const storage = fs({ base })
  const system = await start({ storage })
  const [one, other] = [await connect(system), await connect(system, { login: 'grace' })]
  const folder = join(base, 'grant', grantOf(one).user)
  const [file = ''] = await readdir(folder)
  await writeFile(join(folder, file), '{"version":"x","expi')
  const refused = await system.post('/token', refreshParams(one.client, one.tokens.refresh_token))
  expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
  expect(await listed(system)).toEqual([grantOf(other).id])
  expect(await system.proxy.grants.revoke(grantOf(one))).toBe(true)
  expect(await readdir(join(base, 'grant'))).not.toContain(grantOf(one).user)
})

describe.skipIf(noRedis)('a key of Redis that another program wrote', () => {
  test.each([
    ['a list', ['rpush', 'KEY', 'x']],
    ['a hash', ['hset', 'KEY', 'a', 'b']],
    ['a set', ['sadd', 'KEY', 'x']],
    ['a sorted set', ['zadd', 'KEY', '1', 'x']],
    ['a stream', ['xadd', 'KEY', '*', 'a', 'b']],
    ['a text that is no record', ['set', 'KEY', 'garbage']],
    ['a number', ['set', 'KEY', '7']],
    ['the beginning of a record', ['set', 'KEY', '{"version":"x","expi']],
  ])('as %s is a record that cannot be read', async (_name, command) => {
    const lab = await createRedisLab()
    closing.push(() => lab.stop())
    const node = await lab.start()
    const storage = redis({ url: `redis://127.0.0.1:${node.port}` })
    const system = await start({ storage })
    const [one, other] = [await connect(system), await connect(system, { login: 'grace' })]
    const key = `lockgate:${keyOf(one)}`
    expect(node.cli('exists', key).trim()).toBe('1')
    node.cli('del', key)
    node.cli(...command.map((word) => (word === 'KEY' ? key : word)))

    const refused = await system.post('/token', refreshParams(one.client, one.tokens.refresh_token))
    expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
    expect((await guarded(system, one.tokens.access_token)).status).toBe(401)
    expect((await guarded(system, other.tokens.access_token)).status).toBe(200)
    expect(await listed(system)).toEqual([grantOf(other).id])
    const again = await connect(system)
    expect((await guarded(system, again.tokens.access_token)).status).toBe(200)
    expect(await system.proxy.grants.revoke(grantOf(one))).toBe(true)
    expect(node.cli('exists', key).trim()).toBe('0')
    await storage.close()
  })
})

describe('a record that another instance wrote while this one ran', () => {
  test('with a later build is “try again” here, so that no user is signed out during an upgrade', async () => {
    const system = await start()
    const one = await connect(system)
    const good = await record(system, one)
    await system.store.set(keyOf(one), { ...good, format: 9 }, 600)
    for (const response of [
      await system.post('/token', refreshParams(one.client, one.tokens.refresh_token)),
      await guarded(system, one.tokens.access_token),
    ]) {
      expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
    }
    await system.store.set(keyOf(one), good, 600)
    expect((await guarded(system, one.tokens.access_token)).status).toBe(200)
  })

  test('before this one started is gone for good: its user signs in again', async () => {
    const system = await start({ storage: memory() })
    const one = await connect(system)
    const good = await record(system, one)
    await system.store.set(keyOf(one), { ...good, format: 9 }, 600)
    system.clock.ahead += 60
    const later = system.another()
    const refused = await later.post('/token', refreshParams(one.client, one.tokens.refresh_token))
    expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
  })
})
