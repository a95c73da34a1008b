import { readFile } from 'node:fs/promises'
import { createServer } from 'node:tls'
import { Redis } from 'ioredis'
import { redis as redisLimiter } from 'lockgate/limits/redis'
import { fromUrl } from 'lockgate/storage/from-url'
import { postgres } from 'lockgate/storage/postgres'
import { redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certify } from '../outbound/certificate.ts'
import { noRedis } from '../support/redis.ts'
import { createRedisLab, type RedisLab, type RedisNode } from '../support/redis-lab.ts'
import { connect, guarded, outcome, startSystem } from '../support/system.ts'

const RULE = { name: 'address', limit: 1000, window: 60 } as const
const keysIn = (node: RedisNode) => node.cli('-n', '0', 'keys', '*').trim()

/** The access rules that the documents give. */
async function documentedRules(): Promise<string[]> {
  const page = await readFile(new URL('../../docs/deploy/storage.md', import.meta.url), 'utf8')
  return /^ACL SETUSER lockgate on >password (.*)$/m.exec(page)![1]!.split(' ')
}

describe.skipIf(noRedis)('a Redis database that the server refuses', () => {
  let lab: RedisLab
  let node: RedisNode
  beforeAll(async () => {
    lab = await createRedisLab()
    node = await lab.start()
    const rules = await documentedRules()
    node.cli('acl', 'setuser', 'all', 'on', '>pw', ...rules)
    node.cli('acl', 'setuser', 'some', 'on', '>pw', ...rules.filter((rule) => rule !== '+select'))
  })
  afterAll(() => lab.stop())

  const REFUSED = [
    [
      'that the server does not have',
      () => `redis://127.0.0.1:${node.port}/99`,
      /^Redis has no database of this number/,
    ],
    [
      'by `db` in the query',
      () => `redis://127.0.0.1:${node.port}?db=99`,
      /^Redis has no database of this number/,
    ],
    [
      'without the right to select one',
      () => `redis://some:pw@127.0.0.1:${node.port}/5`,
      /^the Redis user may not run 'select'/,
    ],
  ] as const

  test.each(REFUSED)(
    '%s: the start fails with the reason, and nothing is written to database 0',
    async (_name, url, says) => {
      await expect(fromUrl(url())).rejects.toThrow(says)
      expect(keysIn(node)).toBe('')
    },
  )

  test.each(REFUSED)(
    '%s: every operation fails, the first one too, and no limit is counted elsewhere',
    async (_name, url, says) => {
      const [store, limiter] = [redis({ url: url() }), redisLimiter({ url: url() })]
      for (let round = 0; round < 3; round++) {
        await expect(store.set('grant:u:1', 1, 60)).rejects.toThrow(says)
        await expect(store.get('grant:u:1')).rejects.toThrow(says)
        const counted = await Promise.resolve(limiter.take('address:192.0.2.1', RULE)).catch(() => 'failed')
        expect(counted, 'a failure is told once in a while').toBe(round === 0 ? 'failed' : undefined)
      }
      expect(keysIn(node)).toBe('')
      await store.close()
      await limiter.close()
    },
  )

  test('counts for a client of the application, too', async () => {
    const client = new Redis({ host: '127.0.0.1', port: node.port, db: 99, enableReadyCheck: false })
    const store = redis({ client })
    await new Promise((resolve) => client.once('ready', resolve))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await expect(store.set('grant:u:1', 1, 60)).rejects.toThrow('Redis has no database of this number')
    expect(keysIn(node)).toBe('')
    client.disconnect()
  })

  test('is used again by itself once the server accepts it', async () => {
    node.cli('acl', 'setuser', 'later', 'on', '>pw', ...(await documentedRules()), '-select')
    const store = redis({ url: `redis://later:pw@127.0.0.1:${node.port}/5` })
    await expect(store.set('grant:u:1', 1, 60)).rejects.toThrow("may not run 'select'")
    node.cli('acl', 'setuser', 'later', '+select')
    await expect.poll(() => store.set('grant:u:1', 1, 60).then(() => 'written', String)).toBe('written')
    expect(node.cli('-n', '5', 'keys', 'lockgate:grant:u:1').trim()).toBe('lockgate:grant:u:1')
    expect(keysIn(node)).toBe('')
    await store.close()
  })

  test('needs no more than the documented access rules', async () => {
    const store = (await fromUrl(`redis://all:pw@127.0.0.1:${node.port}/6`)) as ReturnType<typeof redis>
    await store.set('grant:u:1', 1, 60)
    expect(node.cli('-n', '6', 'keys', 'lockgate:grant:u:1').trim()).toBe('lockgate:grant:u:1')
    await store.close()
  })

  test('gives 503 with an event that says so', async () => {
    const store = redis({ url: `redis://127.0.0.1:${node.port}/7` })
    const system = await startSystem({ storage: store, revocationLag: 0 })
    const { tokens } = await connect(system)
    const refused = redis({ url: `redis://127.0.0.1:${node.port}/99` })
    const another = system.another({ storage: refused })
    system.events.length = 0
    expect(await outcome(await guarded(another, tokens.access_token))).toEqual([
      503,
      'temporarily_unavailable',
    ])
    expect(system.events).toContainEqual(
      expect.objectContaining({
        type: 'failed',
        reason: 'storage-failed',
        error: expect.stringContaining('Redis has no database of this number'),
      }),
    )
    await Promise.all([store.close(), refused.close(), system.close()])
  })
})

test.skipIf(noRedis)(
  'a cluster that is used as one server is named, at the start and in every operation',
  async () => {
    const lab = await createRedisLab()
    const [first] = await lab.cluster()
    const says = /^Redis is a cluster: add \?cluster=true to the URL/
    for (let start = 0; start < 10; start++) await expect(fromUrl(first!.url)).rejects.toThrow(says)
    await expect(fromUrl(`${first!.url}/3`)).rejects.toThrow(says)
    const store = redis({ url: first!.url })
    await store.get('grant:u:first').catch(() => {})
    const reads = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => store.get(`grant:u:${n}`)))
    const reasons = reads.flatMap((read) => (read.status === 'rejected' ? [String(read.reason)] : []))
    expect(reasons.length).toBeGreaterThan(0)
    for (const reason of reasons) expect(reason).toMatch(/Redis is a cluster: add \?cluster=true to the URL/)
    await store.close()
    await lab.stop()
  },
)

const certificate = certify('localhost')

test.skipIf(!certificate)(
  'a certificate of an unknown authority is named with what to set, and no password',
  async () => {
    const server = createServer(certificate!).on('tlsClientError', () => {})
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    const { port } = server.address() as { port: number }
    const opened = fromUrl(`rediss://user:hunter2@localhost:${port}`)
    await expect(opened).rejects.toThrow(
      'cannot use the Redis server (DEPTH_ZERO_SELF_SIGNED_CERT): its certificate is self-signed; trust it by NODE_EXTRA_CA_CERTS',
    )
    server.close()
  },
)

describe('a URL that the driver would misread is refused, and names the part:', () => {
  test.each([
    ['redis://host/mydb', 'the database in the URL must be a number'],
    ['redis://host/-1', 'the database in the URL must be a number'],
    ['redis://host/0x1', 'the database in the URL must be a number'],
    ['redis://host/1/2', 'the database in the URL must be a number'],
    ['redis://host?db=mine', 'the database in the URL must be a number'],
    ['redis://host?clutser=true', '`clutser`, which is not known; did you mean `cluster`?'],
    ['redis://host?Cluster=true', '`Cluster`, which is not known; did you mean `cluster`?'],
    ['rediss://host?connectTimout=1', '`connectTimout`, which is not known; did you mean `connectTimeout`?'],
    ['redis://host?cluster=yes', '`cluster` in the URL must be true or false'],
    ['redis://host/5?cluster=true', 'a Redis cluster has only database 0'],
    ['redis://host?keyPrefix=a', 'Use `prefix` instead of `keyPrefix`'],
    ['postgres://host/a?sslmod=require', '`sslmod`, which is not known; did you mean `sslmode`?'],
    ['postgres://host/a?sslMode=require', '`sslMode`, which is not known; did you mean `sslmode`?'],
    [
      'postgresql://host/a?aplication_name=x',
      '`aplication_name`, which is not known; did you mean `application_name`?',
    ],
  ])('%s', async (url, says) => {
    await expect(fromUrl(url.replace('host', 'user:hunter2@127.0.0.1:1'))).rejects.toThrow(says)
    const open = url.startsWith('postgres') ? postgres : redis
    expect(() => open({ url })).toThrow(says)
    if (open === redis) expect(() => redisLimiter({ url })).toThrow(says)
  })

  test.each([
    'redis://host',
    'redis://host/',
    'redis://host/15',
    'redis://host?db=3',
    'redis://host?family=6',
    'redis://host/0?cluster=true',
    'redis://host?ssl_cert_reqs=required',
  ])('not %s', (url) => {
    expect(() => redis({ url })).not.toThrow()
  })
  test.each(['postgres://host/a?sslmode=require', 'postgres://host/a?pgbouncer=true&schema=public'])(
    'not %s',
    async (url) => {
      await postgres({ url }).close()
    },
  )
})
