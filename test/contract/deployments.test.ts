import type { Store } from 'lockgate'
import { redis as redisLimiter } from 'lockgate/limits/redis'
import { memory } from 'lockgate/storage/memory'
import { postgres } from 'lockgate/storage/postgres'
import { redis } from 'lockgate/storage/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noPostgres, startPostgres } from '../support/postgres.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import { connect, guarded, startSystem } from '../support/system.ts'
import { listed } from './key-rules.ts'
import { testStore } from './store-contract.ts'

const ONE = 'https://one.example'
const OTHER = 'https://other.example'

interface Server {
  readonly url: string
  stop(): Promise<void>
}

interface Kind {
  readonly name: string
  readonly missing: string | undefined
  start(): Promise<Server>
  open(url: string): Store & { close(): Promise<void> }
}

const KINDS: readonly Kind[] = [
  { name: 'redis', missing: noRedis, start: startRedis, open: (url) => redis({ url }) },
  { name: 'postgres', missing: noPostgres, start: startPostgres, open: (url) => postgres({ url }) },
]

for (const { name, missing, start, open } of KINDS) {
  testStore(
    `${name}, one deployment of several`,
    'atomic',
    async () => {
      const server = await start()
      const store = open(server.url)
      const close = async () => {
        await store.close()
        await server.stop()
      }
      return { store: store.forIssuer!(ONE), close }
    },
    { without: missing },
  )

  describe.skipIf(missing)(`${name}: two deployments on one server`, () => {
    let server: Server
    let store: ReturnType<Kind['open']>
    beforeAll(async () => {
      server = await start()
      store = open(server.url)
    })
    afterAll(async () => {
      await store.close()
      await server.stop()
    })

    test('do not see each other', async () => {
      const [one, other] = [store.forIssuer!(ONE), store.forIssuer!(OTHER)]
      await one.set('grant:u:1', 'one', 60)
      await one.set('client:app-1', 'one', 60)
      expect(await other.get('grant:u:1')).toBeUndefined()
      expect(await other.swap('grant:u:1', undefined, 'other', 60)).toBe(true)
      expect(await listed(other, 'grant:')).toEqual(['grant:u:1'])
      expect(await listed(other, 'client:')).toEqual([])
      await other.delete('grant:u:1')
      expect((await one.get('grant:u:1'))?.value).toBe('one')
      expect(await listed(one, 'grant:')).toEqual(['grant:u:1'])
      // The choice is in the storage: every process makes the same.
      const again = open(server.url)
      expect((await again.forIssuer!(ONE).get('grant:u:1'))?.value).toBe('one')
      await again.close()
    })

    test('of proxies are apart, too, and each lists its own grants only', async () => {
      const systems = await Promise.all(
        ['http://localhost:8787', 'http://localhost:8788'].map((url) => startSystem({ url })),
      )
      const shared = systems.map((system) => system.another({ storage: store }))
      for (const system of shared) await connect(system)
      for (const { proxy } of shared) {
        const found = []
        for await (const grant of proxy.grants.all()) found.push(grant)
        expect(found).toHaveLength(1)
        expect(found[0]!.resource).toContain(proxy.issuer)
      }
      for (const system of systems) await system.close()
    })
  })

  describe.skipIf(missing)(`${name}: records of an older version`, () => {
    test('stay with their deployment, and a new one beside it does not see them', async () => {
      const server = await start()
      const store = open(server.url)
      await store.set('grant:u:1', { resource: `${ONE}/mcp` }, 60)
      await store.set('client:app-1', 'registered', 60)
      const [one, other] = [store.forIssuer!(ONE), store.forIssuer!(OTHER)]
      expect((await one.get('grant:u:1'))?.value).toEqual({ resource: `${ONE}/mcp` })
      expect((await one.get('client:app-1'))?.value).toBe('registered')
      expect(await listed(other, 'grant:')).toEqual([])
      // An instance of the older version, in a rolling upgrade, sees what the new one writes.
      await one.set('grant:u:2', 'new', 60)
      expect((await store.get('grant:u:2'))?.value).toBe('new')
      await store.close()
      await server.stop()
    })

    test.each([
      ['in the name of a client', { issuer: OTHER, resource: `${OTHER}/mcp`, clientName: `see ${ONE}` }],
      ['as the beginning of another', { issuer: `${ONE}/b`, resource: `${ONE}/b/mcp` }],
      ['as the beginning of another’s host', { issuer: `${ONE}.evil`, resource: `${ONE}.evil/mcp` }],
      ['as the end of another', { issuer: `${OTHER}/?${ONE}`, resource: `${OTHER}/?${ONE}` }],
      ['of a server elsewhere', { issuer: OTHER, resource: `${ONE}/mcp` }],
      ['of a server elsewhere, without a deployment', { resource: `${ONE}x/mcp`, target: ONE }],
    ])('a URL %s makes no grant its own', async (_name, grant) => {
      const server = await start()
      const store = open(server.url)
      await store.set('grant:u:1', { format: 1, scope: [ONE], ...grant }, 60)
      expect(await listed(store.forIssuer!(ONE), 'grant:')).toEqual([])
      await store.set('grant:u:2', { format: 1, issuer: ONE, resource: `${OTHER}/mcp` }, 60)
      expect(await listed(store.forIssuer!(ONE), 'grant:'), 'the choice is made once').toEqual([])
      await store.close()
      await server.stop()
    })

    test.each([
      ['that it made', { issuer: ONE, resource: 'https://elsewhere.example/mcp' }],
      ['of its server, in older records', { resource: `${ONE}/mcp` }],
      ['of its root, in older records', { resource: ONE }],
    ])('a grant %s is its own, though another one is there, too', async (_name, grant) => {
      const server = await start()
      const store = open(server.url)
      await store.set('grant:u:1', { issuer: OTHER, resource: `${OTHER}/mcp` }, 60)
      await store.set('grant:u:2', grant, 60)
      expect(await listed(store.forIssuer!(ONE), 'grant:')).toEqual(['grant:u:1', 'grant:u:2'])
      await store.close()
      await server.stop()
    })

    test('registrations alone stay with the deployment that starts first', async () => {
      const server = await start()
      const store = open(server.url)
      await store.set('client:app-1', 'registered', 60)
      expect((await store.forIssuer!(ONE).get('client:app-1'))?.value).toBe('registered')
      expect(await store.forIssuer!(OTHER).get('client:app-1')).toBeUndefined()
      await store.close()
      await server.stop()
    })

    test('are seen from the start by the first deployment, though there are none yet', async () => {
      const server = await start()
      const store = open(server.url)
      const upgraded = store.forIssuer!(ONE)
      expect(await upgraded.get('grant:u:1')).toBeUndefined()
      await store.set('grant:u:1', 'by the older version', 60)
      expect((await upgraded.get('grant:u:1'))?.value).toBe('by the older version')
      await store.close()
      await server.stop()
    })

    test('of many that start at once, one deployment comes first', async () => {
      const server = await start()
      const store = open(server.url)
      const parts = Array.from({ length: 8 }, (_, index) => store.forIssuer!(`https://d${index}.example`))
      await Promise.all(parts.map((part, index) => part.set('grant:u:1', index, 60)))
      const values = await Promise.all(parts.map(async (part) => (await part.get('grant:u:1'))?.value))
      expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      await store.close()
      await server.stop()
    })
  })

  test.skipIf(missing)(`${name}: tokens that an older version issued still work`, async () => {
    const server = await start()
    const store = open(server.url)
    const { forIssuer: _, ...older } = store
    const system = await startSystem({ storage: older })
    const { tokens } = await connect(system)
    const upgraded = system.another({ storage: store })
    expect((await guarded(upgraded, tokens.access_token)).status).toBe(200)
    const { tokens: later } = await connect(upgraded)
    expect((await guarded(system, later.access_token)).status).toBe(200)
    await system.close()
    await store.close()
    await server.stop()
  })
}

test('a store that is a place of its own has no parts', () => {
  expect(memory().forIssuer).toBeUndefined()
  expect(redis({ url: 'redis://localhost', prefix: 'mine' }).forIssuer).toBeUndefined()
  expect(postgres({ url: 'postgres://localhost/x', table: 'mine' }).forIssuer).toBeUndefined()
})

test.skipIf(noRedis)('deployments that share a Redis for limits count apart', async () => {
  const server = await startRedis()
  const limiter = redisLimiter({ url: server.url })
  const rule = { name: 'address', limit: 1, window: 60 } as const
  const [one, other] = [limiter.forIssuer!(ONE), limiter.forIssuer!(OTHER)]
  // The first attempt opens the connection, and has a quarter of a second.
  await expect.poll(() => one.take('address:192.0.2.9', rule), { timeout: 10_000 }).toBeDefined()
  expect((await one.take('address:192.0.2.1', rule))?.allowed).toBe(true)
  expect((await one.take('address:192.0.2.1', rule))?.allowed).toBe(false)
  expect((await other.take('address:192.0.2.1', rule))?.allowed).toBe(true)
  await limiter.close()
  await server.stop()
})
