import { Cluster, Redis } from 'ioredis'
import type { Store } from 'lockgate'
import { redis as redisLimiter } from 'lockgate/limits/redis'
import { type RedisClient, redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noRedis } from '../support/redis.ts'
import { createRedisLab, type RedisLab, type RedisNode } from '../support/redis-lab.ts'
import { startGate } from '../support/tcp-gate.ts'
import { listed } from './key-rules.ts'
import { expectKept, recovery } from './recovery.ts'
import { testStore } from './store-contract.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const url = (port: number) => `redis://127.0.0.1:${port}`

/** A counter that is raised by compare-and-set without a pause, through every failure. */
function startCounting(store: Store, key: string) {
  let stopped = false
  let [confirmed, failures] = [0, 0]
  const work = (async () => {
    while (!stopped) {
      try {
        const found = await store.get(key)
        const next = ((found?.value as number | undefined) ?? 0) + 1
        if (await store.swap(key, found?.version, next, 600)) confirmed++
      } catch {
        failures++
        await sleep(20)
      }
    }
  })()
  return {
    async stop() {
      stopped = true
      await work
      return { confirmed, failures }
    },
  }
}

describe.skipIf(noRedis)('redis', () => {
  let lab: RedisLab
  beforeAll(async () => {
    lab = await createRedisLab()
  })
  afterAll(() => lab.stop())

  describe.each([
    ['a URL', (port: number) => ({ store: redis({ url: url(port) }), end: () => {} })],
    [
      'a client of the application',
      (port: number) => {
        const client = new Redis({ port, host: '127.0.0.1' })
        client.on('error', () => {})
        return { store: redis({ client }), end: () => client.disconnect() }
      },
    ],
  ])('by %s', (_name, open) => {
    test('a silent connection is dropped, opened again, and loses nothing', async () => {
      const server = await lab.start()
      const gate = await startGate(server.port)
      const { store, end } = open(gate.port)
      await store.set('grant:u:kept', 'kept', 60)
      gate.silence()
      await recovery(store, 'grant:u:1')
      await expectKept(store, { 'grant:u:kept': 'kept' })
      expect(await listed(store, 'grant:u:')).toEqual(['grant:u:1', 'grant:u:kept'])
      await store.close()
      end()
      await gate.close()
    })

    test('a path that is silent for a while fails soon, and works again once it forwards', async () => {
      const server = await lab.start()
      const gate = await startGate(server.port)
      const { store, end } = open(gate.port)
      await store.set('grant:u:kept', 'kept', 60)
      gate.silent = true
      gate.silence()
      const began = Date.now()
      while (Date.now() - began < 6000) {
        const asked = Date.now()
        await expect(store.get('grant:u:kept')).rejects.toThrow(/Redis|storage did not respond/)
        expect(Date.now() - asked).toBeLessThan(3000)
        await sleep(200)
      }
      gate.silent = false
      await recovery(store, 'grant:u:1')
      await expectKept(store, { 'grant:u:kept': 'kept' })
      await store.close()
      end()
      await gate.close()
    })

    test('a failover behind one address loses no confirmed write', async () => {
      const primary = await lab.start()
      const replica = await lab.start('--replicaof', '127.0.0.1', String(primary.port))
      await expect
        .poll(() => replica.cli('info', 'replication'), { timeout: 10_000 })
        .toMatch(/link_status:up/)
      const gate = await startGate(primary.port)
      const { store, end } = open(gate.port)
      const counting = startCounting(store, 'grant:u:counter')
      await sleep(300)
      // As a managed service does it: writes stop, the replica catches up and is promoted, the address moves. The
      // connection to the old primary stays open.
      primary.cli('client', 'pause', '60000', 'write')
      const offset = (info: string, name: string) => new RegExp(`${name}[:=](\\d+)`).exec(info)?.[1]
      await expect
        .poll(() => offset(replica.cli('info', 'replication'), 'slave_repl_offset'), { timeout: 10_000 })
        .toBe(offset(primary.cli('info', 'replication'), 'master_repl_offset'))
      replica.cli('replicaof', 'no', 'one')
      primary.cli('replicaof', '127.0.0.1', String(replica.port))
      gate.target = replica.port
      primary.cli('client', 'unpause')
      await recovery(store, 'grant:u:1')
      await sleep(500)
      const { confirmed } = await counting.stop()
      expect(confirmed).toBeGreaterThan(20)
      await expectKept(store, { 'grant:u:counter': confirmed }, confirmed)
      expect(replica.cli('get', 'lockgate:grant:u:counter')).toContain(`"value":${confirmed}`)
      await store.close()
      end()
      await gate.close()
    })
  })

  test('a primary that dies is replaced by Sentinel', async () => {
    const primary = await lab.start()
    const replica = await lab.start('--replicaof', '127.0.0.1', String(primary.port))
    await expect.poll(() => replica.cli('info', 'replication'), { timeout: 10_000 }).toMatch(/link_status:up/)
    const sentinel = await lab.sentinel(primary)
    await expect
      .poll(() => sentinel.cli('sentinel', 'replicas', 'main'), { timeout: 15_000 })
      .toContain(String(replica.port))
    const client = new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'main' })
    client.on('error', () => {})
    const store = redis({ client })
    await store.set('grant:u:kept', 'kept', 60)
    await expect.poll(() => replica.cli('get', 'lockgate:grant:u:kept')).toContain('kept')
    primary.process.kill('SIGKILL')
    await recovery(store, 'grant:u:1')
    await expectKept(store, { 'grant:u:kept': 'kept' })
    client.disconnect()
  })
})

testStore(
  'redis cluster',
  'atomic',
  async () => {
    const lab = await createRedisLab()
    const [node] = await lab.cluster()
    const address = `${node!.url}?cluster=true`
    const store = redis({ url: address })
    const close = async () => {
      await store.close()
      await lab.stop()
    }
    return { store, shared: { url: address }, close }
  },
  { processes: true, without: noRedis },
)

describe.skipIf(noRedis)('redis cluster', () => {
  let lab: RedisLab
  let nodes: RedisNode[]
  beforeAll(async () => {
    lab = await createRedisLab()
    nodes = await lab.cluster()
  })
  afterAll(() => lab.stop())

  test('the records of one user are on several servers, and are listed together', async () => {
    const client = new Cluster([{ host: '127.0.0.1', port: nodes[0]!.port }])
    const store = redis({ client: client as unknown as RedisClient })
    const keys = Array.from({ length: 30 }, (_, index) => `grant:u:${String(index).padStart(2, '0')}`)
    for (const key of keys) await store.set(key, key, 60)
    expect(await listed(store, 'grant:u:')).toEqual(keys)
    expect(await listed(store, 'grant:')).toEqual(keys)
    const values = (await store.getMany!(keys)).map((one) => (one as { value: unknown }).value)
    expect(values).toEqual(keys)
    const sizes = nodes.map((node) => Number(node.cli('dbsize')))
    expect(sizes.every((size) => size > 0)).toBe(true)
    client.disconnect()
  })

  test('the documented access rules are enough, for the limits too', async () => {
    for (const node of nodes) {
      const rules =
        '~lockgate* +get +mget +set +del +exists +scan +info +zadd +zrem +zscore +zrangebyscore +zremrangebyscore +pttl +pexpire +eval +evalsha'
      const cluster = '+cluster|slots +cluster|info +readonly +time'
      node.cli('acl', 'setuser', 'user', 'on', '>pw', ...`${rules} ${cluster}`.split(' '))
    }
    const url = `redis://user:pw@127.0.0.1:${nodes[0]!.port}?cluster=true`
    const store = redis({ url })
    await store.check!()
    await store.set('grant:acl:1', 1, 60)
    expect(await listed(store, 'grant:acl:')).toEqual(['grant:acl:1'])
    expect(await listed(store, 'grant:')).toContain('grant:acl:1')
    await store.close()
    const limiter = redisLimiter({ url })
    const rule = { name: 'address', limit: 100, window: 60 } as const
    // The first attempt opens the connections, and has a quarter of a second.
    await expect
      .poll(() => limiter.take('address:192.0.2.1', rule), { timeout: 10_000 })
      .toEqual({ allowed: true, retryAfter: 0 })
    await limiter.close()
  })

  test('a client of one server is told that this is a cluster', async () => {
    const store = redis({ url: nodes[0]!.url })
    await expect(
      (async () => {
        for (let round = 0; round < 10; round++) await store.check!()
      })(),
    ).rejects.toThrow(/is a cluster: add \?cluster=true/)
    await store.close()
  })

  test('a primary that dies is replaced by its replica', async () => {
    const doomed = nodes[2]!
    const id = doomed.cli('cluster', 'myid').trim()
    const replica = await lab.clusterReplica(nodes[0]!, id)
    const store = redis({ url: `${nodes[0]!.url}?cluster=true` })
    const keys = Array.from({ length: 60 }, (_, index) => `grant:v${index}:1`)
    for (const key of keys) await store.set(key, key, 600)
    await expect
      .poll(() => replica.cli('dbsize').trim(), { timeout: 15_000 })
      .toBe(doomed.cli('dbsize').trim())
    doomed.process.kill('SIGKILL')
    await Promise.all(keys.map((key) => recovery(store, `${key}-after`)))
    await expectKept(store, Object.fromEntries(keys.map((key) => [key, key])))
    expect(await listed(store, 'grant:v7:')).toEqual(['grant:v7:1', 'grant:v7:1-after'])
    await store.close()
  })
})
