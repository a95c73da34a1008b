import postgresql from 'db0/connectors/postgresql'
import { postgres } from 'lockgate/storage/postgres'
import { sql } from 'lockgate/storage/sql'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { listed } from './key-rules.ts'
import { expectKept, recovery } from './recovery.ts'
import { testStore } from './store-contract.ts'

testStore(
  'postgres',
  'atomic',
  async () => {
    const server = await startPostgres()
    const store = postgres({ url: server.url })
    const close = async () => {
      await store.close()
      await server.stop()
    }
    return { store, shared: { url: server.url }, close }
  },
  { processes: true, without: noPostgres },
)

testStore(
  'postgres by a pool of the application',
  'atomic',
  async () => {
    const server = await startPostgres()
    const pool = new pg.Pool({ connectionString: server.url })
    const store = postgres({ pool })
    const close = async () => {
      await store.close()
      // The store leaves it open.
      await pool.query('SELECT 1')
      await pool.end()
      await server.stop()
    }
    return { store, close }
  },
  { without: noPostgres },
)

test('postgres needs exactly one of a URL and a pool', () => {
  expect(() => postgres({})).toThrow('either `url` or `pool`')
  expect(() => postgres({ url: 'postgres://localhost/x', pool: new pg.Pool() })).toThrow(
    'either `url` or `pool`',
  )
})

describe.skipIf(noPostgres)('postgres', () => {
  let server: PostgresServer
  let raw: pg.Client
  beforeAll(async () => {
    server = await startPostgres()
    raw = new pg.Client(server.url)
    await raw.connect()
  })
  afterAll(async () => {
    await raw.end()
    await server.stop()
  })

  test('many stores that start at once make one table', async () => {
    const stores = Array.from({ length: 8 }, () => postgres({ url: server.url, table: 'started_together' }))
    const won = await Promise.all(stores.map((store) => store.swap('grant:u:1', undefined, 1, 60)))
    expect(won.filter(Boolean)).toHaveLength(1)
    await Promise.all(stores.map((store) => store.close()))
  })

  test('a range of keys is found by the index, by bytes and not by the words of a language', async () => {
    const store = postgres({ url: server.url, table: 'by_bytes' })
    await store.set('grant:u:1', 1, 60)
    await raw.query('SET enable_seqscan = off')
    const { rows } = await raw.query(
      `EXPLAIN SELECT key FROM by_bytes WHERE key >= 'grant:u:' AND key < 'grant:u:~'`,
    )
    expect(JSON.stringify(rows)).toMatch(/Index.*by_bytes_pkey/)
    await store.close()
  })

  test('expired records leave the table as others are written', async () => {
    const store = postgres({ url: server.url, table: 'swept' })
    for (let index = 0; index < 30; index++) await store.set(`short:${index}`, 'x', 0.02)
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (let index = 0; index < 60; index++) await store.set('long', 'x', 60)
    await expect.poll(async () => (await raw.query('SELECT key FROM swept')).rows).toEqual([{ key: 'long' }])
    await store.close()
  })

  test.each([
    ['the store with connections of its own', (url: string) => postgres({ url, table: 'cut' })],
    ['a plain connector', (url: string) => sql({ connector: postgresql({ url }), table: 'cut' })],
  ])('%s connects again after its connections were cut', async (_name, open) => {
    const store = open(server.url)
    await store.set('grant:u:1', 'kept', 60)
    const cut = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()'
    for (let round = 0; round < 2; round++) {
      await raw.query(cut)
      await recovery(store, 'grant:u:2')
      await expectKept(store, { 'grant:u:1': 'kept' })
    }
    await store.close()
  })

  test.skipIf(process.env.POSTGRES_URL)('a server that is gone is an error, never an absence', async () => {
    const own = await startPostgres()
    const store = postgres({ url: own.url })
    const failsSoon = async () => {
      const began = Date.now()
      const answers = await Promise.allSettled([
        store.get('grant:u:1'),
        store.set('grant:u:1', 1, 60),
        store.swap('grant:u:1', undefined, 1, 60),
        store.delete('grant:u:1'),
        listed(store, 'grant:u:'),
      ])
      expect(answers.map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
      expect(Date.now() - began).toBeLessThan(3500)
    }
    await store.set('grant:u:1', 'kept', 60)
    await own.stop()
    await failsSoon()
    await store.close()
  })

  test('another dialect, and a table with an odd name, are refused', async () => {
    const connector = {
      dialect: 'mysql',
      exec() {},
      prepare: () => ({ all: async () => [] }),
      getInstance: () => ({}),
    }
    await expect(sql({ connector }).get('a')).rejects.toThrow('PostgreSQL or SQLite')
    expect(() => postgres({ url: server.url, table: 'a; DROP TABLE b' })).toThrow(TypeError)
  })
})
