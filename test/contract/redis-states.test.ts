import { execFile } from 'node:child_process'
import { redis as redisLimiter } from 'lockgate/limits/redis'
import { redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noRedis } from '../support/redis.ts'
import { createRedisLab, type RedisLab, type RedisNode } from '../support/redis-lab.ts'
import { expectKept, recovery } from './recovery.ts'

const RULES =
  '~lockgate* +get +mget +set +del +exists +scan +info +time +zadd +zrem +zscore +zrangebyscore +zremrangebyscore +pttl +pexpire +eval +evalsha'
const RULE = { name: 'address', limit: 1000, window: 60 } as const

/** What an operator, or a bad hour, does to a server, and how it is mended. */
interface State {
  readonly name: string
  readonly break: (node: RedisNode) => unknown
  readonly mend: (node: RedisNode) => unknown
  /** What the error of a write says meanwhile. */
  readonly says: RegExp
}

const STATES: readonly State[] = [
  {
    name: 'the password is another one',
    break(node) {
      node.cli('acl', 'setuser', 'user', 'resetpass', '>other')
      node.cli('client', 'kill', 'user', 'user')
    },
    mend: (node) => node.cli('acl', 'setuser', 'user', '>pw'),
    says: /WRONGPASS|NOAUTH|invalid username-password/i,
  },
  {
    name: 'the user is off',
    break(node) {
      node.cli('acl', 'setuser', 'user', 'off')
      node.cli('client', 'kill', 'user', 'user')
    },
    mend: (node) => node.cli('acl', 'setuser', 'user', 'on'),
    says: /WRONGPASS|NOAUTH|invalid username-password/i,
  },
  {
    name: 'the user may not write',
    break: (node) => node.cli('acl', 'setuser', 'user', '-set', '-eval', '-evalsha'),
    mend: (node) => node.cli('acl', 'setuser', 'user', '+set', '+eval', '+evalsha'),
    says: /NOPERM/,
  },
  {
    name: 'its memory is full',
    break: (node) => node.cli('config', 'set', 'maxmemory', '1'),
    mend: (node) => node.cli('config', 'set', 'maxmemory', '0'),
    says: /OOM/,
  },
  {
    name: 'it has too few replicas to write',
    break: (node) => node.cli('config', 'set', 'min-replicas-to-write', '1'),
    mend: (node) => node.cli('config', 'set', 'min-replicas-to-write', '0'),
    says: /NOREPLICAS/,
  },
  {
    name: 'it is a replica for a while',
    break: (node) => node.cli('replicaof', '127.0.0.1', '1'),
    mend: (node) => node.cli('replicaof', 'no', 'one'),
    says: /READONLY/,
  },
  {
    name: 'a script of another application holds it',
    async break(node) {
      node.cli('config', 'set', 'busy-reply-threshold', '20')
      execFile('redis-cli', ['-p', String(node.port), 'eval', 'while true do end', '0']).on('error', () => {})
      await new Promise((resolve) => setTimeout(resolve, 300))
    },
    mend: (node) => node.cli('script', 'kill'),
    says: /BUSY|Redis is busy|timed? ?out|respond/i,
  },
  {
    name: 'it loads its records',
    async break(node) {
      node.cli('debug', 'populate', '3000', 'filler', '10')
      node.cli('config', 'set', 'loading-process-events-interval-bytes', '1024')
      node.cli('config', 'set', 'key-load-delay', '2000')
      execFile('redis-cli', ['-p', String(node.port), 'debug', 'reload']).on('error', () => {})
      await new Promise((resolve) => setTimeout(resolve, 500))
    },
    mend: (node) => node.cli('config', 'set', 'key-load-delay', '0'),
    says: /LOADING|respond/i,
  },
]

describe.skipIf(noRedis)('redis, while', () => {
  let lab: RedisLab
  beforeAll(async () => {
    lab = await createRedisLab()
  })
  afterAll(() => lab.stop())

  test.each(STATES)('$name: writes fail soon and say so, and all works again by itself', async (state) => {
    const node = await lab.start('--enable-debug-command', 'yes')
    node.cli('acl', 'setuser', 'user', 'on', '>pw', ...RULES.split(' '))
    const url = `redis://user:pw@127.0.0.1:${node.port}`
    const [store, limiter] = [redis({ url }), redisLimiter({ url })]
    await store.set('grant:u:kept', 'kept', 600)
    await expect
      .poll(() => limiter.take('address:192.0.2.1', RULE), { timeout: 10_000 })
      .toMatchObject({ allowed: true })

    await state.break(node)
    const began = Date.now()
    await expect(store.set('grant:u:1', 'lost', 600)).rejects.toThrow(state.says)
    expect(Date.now() - began).toBeLessThan(5000)

    await state.mend(node)
    await recovery(store, 'grant:u:2')
    await expectKept(store, { 'grant:u:kept': 'kept' })
    await expect
      .poll(() => limiter.take('address:192.0.2.1', RULE), { timeout: 10_000 })
      .toMatchObject({ allowed: true })
    await store.close()
    await limiter.close()
  })
})

test.skipIf(noRedis)(
  'a slot that moves to another server of a cluster loses no confirmed write',
  async () => {
    const lab = await createRedisLab()
    const nodes = await lab.cluster()
    const [first] = nodes
    const store = redis({ url: `${first!.url}?cluster=true` })
    const key = 'grant:u:counter'
    await store.set(key, 0, 600)
    const slot = first!.cli('cluster', 'keyslot', `lockgate:${key}`).trim()
    const holds = (node: RedisNode) => node.cli('cluster', 'countkeysinslot', slot).trim() !== '0'
    const [from] = nodes.filter(holds)
    const to = nodes.find((node) => node !== from)!
    const idOf = (node: RedisNode) => node.cli('cluster', 'myid').trim()

    let confirmed = 0
    const count = async (times: number) => {
      for (let done = 0; done < times; ) {
        const found = await store.get(key)
        if (await store.swap(key, found?.version, (found!.value as number) + 1, 600)) {
          confirmed++
          done++
        }
      }
    }
    await count(10)
    to.cli('cluster', 'setslot', slot, 'importing', idOf(from!))
    from!.cli('cluster', 'setslot', slot, 'migrating', idOf(to))
    await count(10)
    const keys = from!.cli('cluster', 'getkeysinslot', slot, '100').split('\n').filter(Boolean)
    from!.cli('migrate', '127.0.0.1', String(to.port), '', '0', '5000', 'keys', ...keys)
    await count(10)
    for (const node of nodes) node.cli('cluster', 'setslot', slot, 'node', idOf(to))
    await count(10)
    expect(confirmed).toBe(40)
    await recovery(store, 'grant:u:after')
    await expectKept(store, { [key]: 40 }, confirmed)
    expect(to.cli('get', `lockgate:${key}`)).toContain('"value":40')
    await store.close()
    await lab.stop()
  },
)
