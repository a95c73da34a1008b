import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { fromUrl } from 'lockgate/storage/from-url'
import { redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { createRedisLab, type RedisLab, type RedisNode } from '../support/redis-lab.ts'
import { startGate } from '../support/tcp-gate.ts'
import { listed } from './key-rules.ts'
import { expectKept, recovery } from './recovery.ts'
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
  let lab: RedisLab
  beforeAll(async () => {
    server = await startRedis()
    lab = await createRedisLab()
  })
  afterAll(() => Promise.all([server.stop(), lab.stop()]))

  test('two prefixes in one database know nothing of each other', async () => {
    const [one, other] = ['one', 'other'].map((prefix) => redis({ url: server.url, prefix }))
    await one!.set('grant:u:1', 'mine', 60)
    expect(await other!.get('grant:u:1')).toBeUndefined()
    expect(await listed(other!, 'grant:u:')).toEqual([])
    expect(await listed(other!, 'grant:')).toEqual([])
    await Promise.all([one!.close(), other!.close()])
  })

  test.each(['a:b', ':', 'a b', '', 'a*'])(
    'refuses the prefix %j, which could be inside another one',
    (prefix) => {
      expect(() => redis({ url: server.url, prefix })).toThrow(/`prefix` may contain/)
    },
  )

  test('needs a URL or a client, and not both', () => {
    expect(() => redis({})).toThrow(TypeError)
    expect(() => redis({ url: 'not a url' })).toThrow(TypeError)
    const client = { status: 'ready', disconnect() {} }
    expect(() => redis({ url: server.url, client })).toThrow(TypeError)
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

  test('lists every grant of a user whose index was evicted', async () => {
    const small = await lab.start('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
    const store = redis({ url: small.url })
    const keys = Array.from({ length: 20 }, (_, index) => `grant:u:${String(index).padStart(2, '0')}`)
    for (const key of keys) await store.set(key, key, 60)
    expect(await listed(store, 'grant:u:')).toEqual(keys)
    small.cli('del', 'lockgate:grant:u:*')
    await store.set('grant:u:later', 'later', 60)
    expect(await listed(store, 'grant:u:')).toEqual([...keys, 'grant:u:later'])
    // The index is complete again: no further look at all keys.
    small.cli('config', 'resetstat')
    expect(await listed(store, 'grant:u:')).toEqual([...keys, 'grant:u:later'])
    expect(await listed(store, 'grant:unknown:')).toEqual([])
    const scans = () => /cmdstat_scan:calls=(\d+)/.exec(small.cli('info', 'commandstats'))?.[1] ?? '0'
    expect(scans()).toBe('1')
    expect(await listed(store, 'grant:unknown:')).toEqual([])
    expect(scans()).toBe('1')
    await store.close()
  })

  test('warns of a server that drops records when memory is short', async () => {
    const evicting = await lab.start('--maxmemory-policy', 'volatile-lru')
    const stores = [redis({ url: evicting.url }), redis({ url: server.url })]
    expect(await stores[0]!.warnings!()).toEqual([
      expect.stringMatching(/maxmemory-policy volatile-lru.*noeviction/),
    ])
    expect(await stores[1]!.warnings!()).toEqual([])
    await Promise.all(stores.map((store) => store.close()))
  })

  describe('access rules', () => {
    const NEEDED = [
      '+get +mget +set +del +exists +scan +info',
      '+zadd +zrem +zscore +zrangebyscore +zremrangebyscore +pttl +pexpire +eval +evalsha',
    ]
    let secured: RedisNode
    beforeAll(async () => {
      secured = await lab.start('--maxmemory-policy', 'allkeys-lru')
      secured.cli('acl', 'setuser', 'full', 'on', '>pw', '~lockgate*', ...NEEDED.join(' ').split(' '))
      secured.cli('acl', 'setuser', 'scriptless', 'on', '>pw', '~*', '+@all', '-@scripting')
      secured.cli('acl', 'setuser', 'elsewhere', 'on', '>pw', '~other:*', '+@all')
    })
    const as = (user: string, password = 'pw') => `redis://${user}:${password}@127.0.0.1:${secured.port}`

    test('the documented ones are enough', async () => {
      const store = redis({ url: as('full') })
      await store.check!()
      await store.warnings!()
      const part = store.forIssuer!('https://acl.example')
      await part.set('grant:u:1', 1, 60)
      expect(await part.swap('grant:u:1', (await part.get('grant:u:1'))!.version, 2, 60)).toBe(true)
      expect(await listed(part, 'grant:u:')).toEqual(['grant:u:1'])
      expect(await listed(part, 'grant:')).toEqual(['grant:u:1'])
      expect(await part.getMany!(['grant:u:1'])).toEqual([{ value: 2, version: expect.any(String) }])
      await part.delete('grant:u:1')
      await store.close()
    })

    test.each([
      ['may not run scripts', () => as('scriptless'), /may not run '(evalsha|eval)': allow it that command/],
      ['may not use these keys', () => as('elsewhere'), /may not use these keys: allow it ~lockgate\*/],
      ['has another password', () => as('full', 'wrong'), /refuses the user name or the password/],
    ])('a user who %s is told so at the start', async (_name, url, message) => {
      await expect(fromUrl(url())).rejects.toThrow(message)
    })
  })

  test('TLS verifies the server, and refuses one that it does not know', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lockgate-redis-tls-'))
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [string, string]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const files = ['-keyout', key, '-out', cert]
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files]
    execFileSync('openssl', args, { stdio: 'ignore' })
    const port = await freePort()
    const certificate = ['--tls-key-file', key, '--tls-cert-file', cert, '--tls-ca-cert-file', cert]
    const secured = await lab.start('--tls-port', String(port), ...certificate, '--tls-auth-clients', 'no')
    const client = new Redis({ host: 'localhost', port, tls: { ca: await readFile(cert) } })
    const store = redis({ client })
    await store.set('grant:u:1', 'over TLS', 60)
    expect(secured.cli('get', 'lockgate:grant:u:1')).toContain('over TLS')
    client.disconnect()
    const unknown = redis({ url: `rediss://localhost:${port}` })
    await expect(unknown.get('grant:u:1')).rejects.toThrow(/self.signed certificate/i)
    await unknown.close()
    await rm(folder, { recursive: true })
  })

  test('a replica is told from a primary at the start', async () => {
    const primary = await lab.start()
    const replica = await lab.start('--replicaof', '127.0.0.1', String(primary.port))
    await expect.poll(() => replica.cli('info', 'replication'), { timeout: 10_000 }).toMatch(/link_status:up/)
    await expect(fromUrl(replica.url)).rejects.toThrow(/is a replica.*use the address of its primary/)
  })

  test('a swap whose answer was lost is sent again, and counts once', async () => {
    const gate = await startGate(Number(new URL(server.url).port))
    const store = redis({ url: `redis://127.0.0.1:${gate.port}` })
    await store.set('grant:lost:1', 'first', 60)
    const { version } = (await store.get('grant:lost:1'))!
    gate.silenceReplies()
    expect(await store.swap('grant:lost:1', version, 'second', 60)).toBe(true)
    expect((await store.get('grant:lost:1'))?.value).toBe('second')
    await store.close()
    await gate.close()
  })

  test('a swap that failed for its caller does not happen later', async () => {
    const gate = await startGate(Number(new URL(server.url).port))
    const store = redis({ url: `redis://127.0.0.1:${gate.port}` })
    await store.set('grant:late:1', 'first', 60)
    const { version } = (await store.get('grant:late:1'))!
    gate.silent = true
    gate.silence()
    await expect(store.swap('grant:late:1', version, 'late', 60)).rejects.toThrow()
    await expect(store.set('grant:late:2', 'late', 60)).rejects.toThrow()
    gate.silent = false
    await expect
      .poll(() => store.get('grant:late:1').catch(() => 'failed'), { timeout: 10_000 })
      .toMatchObject({
        value: 'first',
      })
    expect(await store.get('grant:late:2')).toBeUndefined()
    await store.close()
    await gate.close()
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
        await store.set('grant:v:1', 'kept', 60)
        own.process!.kill('SIGSTOP')
        await failsSoon()
        own.process!.kill('SIGCONT')
        await recovery(store, 'grant:v:2')
        await expectKept(store, { 'grant:v:1': 'kept' })
        expect(await store.get('grant:u:2')).toBeUndefined()
      } finally {
        await own.stop()
      }
      await failsSoon()
      await store.close()
    },
  )
})
