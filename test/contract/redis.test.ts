import { redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { listed } from './key-rules.ts'
import { testStore } from './store-contract.ts'

testStore(
  'redis',
  'atomic',
  async () => {
    const server = await startRedis()
    const store = redis({ url: server.url })
    const close = async () => {
      await store.close()
      await server.stop()
    }
    return { store, shared: { url: server.url }, close }
  },
  { processes: true, without: noRedis },
)

describe.skipIf(noRedis)('redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  test('two prefixes in one database know nothing of each other', async () => {
    const [one, other] = ['one', 'other'].map((prefix) => redis({ url: server.url, prefix }))
    await one!.set('grant:u:1', 'mine', 60)
    expect(await other!.get('grant:u:1')).toBeUndefined()
    expect(await listed(other!, 'grant:u:')).toEqual([])
    expect(await listed(other!, 'grant:')).toEqual([])
    await Promise.all([one!.close(), other!.close()])
  })

  test('lists a user without a look at the rest, and leaves no index behind', async () => {
    const { default: Redis } = await import('ioredis')
    const raw = new Redis(server.url)
    const store = redis({ url: server.url, prefix: 'indexed' })
    await store.set('grant:u:1', 'x', 60)
    await store.set('grant:u:2', 'x', 1)
    await raw.config('RESETSTAT')
    expect(await listed(store, 'grant:u:')).toEqual(['grant:u:1', 'grant:u:2'])
    const stats = await raw.info('commandstats')
    expect(stats).not.toMatch(/cmdstat_(scan|keys)\b/)
    expect(await raw.pttl('indexed:grant:u:1')).toBeGreaterThan(59_000)
    await store.delete('grant:u:1')
    expect(await listed(store, 'grant:u:')).toEqual(['grant:u:2'])
    await store.delete('grant:u:2')
    expect(await raw.keys('indexed:*')).toEqual([])
    await store.close()
    raw.disconnect()
  })

  test('scripts that the server forgot are sent again', async () => {
    const { default: Redis } = await import('ioredis')
    const raw = new Redis(server.url)
    const store = redis({ url: server.url })
    await store.set('a', 1, 60)
    await raw.script('FLUSH')
    await store.set('a', 2, 60)
    expect((await store.get('a'))?.value).toBe(2)
    await store.close()
    raw.disconnect()
  })

  test.skipIf(process.env.REDIS_URL)(
    'a server that hangs or dies is an error within three seconds, and found again once it is back',
    async () => {
      const own = await startRedis()
      const store = redis({ url: own.url })
      const failsSoon = async () => {
        const began = Date.now()
        const answers = await Promise.allSettled([
          store.get('grant:u:1'),
          store.set('grant:u:1', 1, 60),
          store.swap('grant:u:1', undefined, 1, 60),
          store.delete('grant:u:1'),
          listed(store, 'grant:u:'),
          listed(store, 'grant:'),
        ])
        expect(answers.map(({ status }) => status)).toEqual(Array(6).fill('rejected'))
        expect(Date.now() - began).toBeLessThan(3500)
      }
      try {
        await store.set('grant:u:1', 'kept', 60)
        own.process!.kill('SIGSTOP')
        await failsSoon()
        own.process!.kill('SIGCONT')
        await expect
          .poll(() => store.get('grant:u:2').catch(() => 'failed'), { timeout: 5000 })
          .toBeUndefined()
      } finally {
        await own.stop()
      }
      await failsSoon()
      await store.close()
    },
  )
})
