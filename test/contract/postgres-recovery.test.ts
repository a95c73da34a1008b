import { postgres } from 'lockgate/storage/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noPgbouncer, startPgbouncer } from '../support/pgbouncer.ts'
import { noPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { startGate, type TcpGate } from '../support/tcp-gate.ts'
import { expectKept, recovery } from './recovery.ts'
import { testStore } from './store-contract.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

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

  const behind = (port: number) => server.url.replace(/:\d+\//, `:${port}/`)

  test('while the table is locked, requests fail in time and the pool is all that is used', async () => {
    const store = postgres({ url: server.url, connections: 5 })
    await store.set('grant:u:1', 'kept', 60)
    await raw.query('BEGIN; LOCK TABLE lockgate IN ACCESS EXCLUSIVE MODE')
    const count = async () => {
      const { rows } = await raw.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      )
      return (rows[0] as { n: number }).n
    }
    let most = 0
    const outcomes: Promise<number>[] = []
    for (const began = Date.now(); Date.now() - began < 9000; ) {
      const asked = Date.now()
      outcomes.push(
        store.get('grant:u:1').then(
          () => -1,
          () => Date.now() - asked,
        ),
      )
      await sleep(50)
      most = Math.max(most, await count())
    }
    expect(most).toBeLessThanOrEqual(5)
    const times = await Promise.all(outcomes)
    expect(Math.min(...times)).toBeGreaterThan(0)
    expect(Math.max(...times)).toBeLessThan(5100)
    await raw.query('COMMIT')
    await recovery(store, 'grant:u:2')
    await expectKept(store, { 'grant:u:1': 'kept' })
    await store.close()
  })

  describe.each(['a pool of its own', 'a pool of the application'])('a connection of %s', (kind) => {
    const nowhere = 1

    test.each<[string, (gate: TcpGate) => Promise<void>]>([
      ['cut', async (gate) => gate.cut()],
      [
        'cut again and again',
        async (gate) => {
          for (let times = 0; times < 20; times++) {
            gate.cut()
            await sleep(20)
          }
        },
      ],
      [
        'that opens while the server is down',
        async (gate) => {
          gate.target = nowhere
          gate.cut()
          await sleep(1000)
        },
      ],
      [
        'that is silent, and then cut',
        async (gate) => {
          gate.silence()
          await sleep(300)
          gate.cut()
        },
      ],
      [
        'ended by the server',
        async () => {
          const { rows } = await raw.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
          )
          expect(rows.length).toBeGreaterThan(0)
        },
      ],
    ])('%s under load fails its statements alone, and never the process', async (_name, fault) => {
      const gate = await startGate(Number(new URL(server.url).port))
      const url = behind(gate.port)
      const own = kind === 'a pool of the application' ? new pg.Pool({ connectionString: url }) : undefined
      // An application listens for the connections that are idle.
      own?.on('error', () => {})
      const store = own ? postgres({ pool: own }) : postgres({ url })
      const unhandled: unknown[] = []
      const note = (error: unknown) => unhandled.push(error)
      process.prependListener('uncaughtException', note)
      let isOver = false
      const outcomes = new Set<string>()
      const workers = Array.from({ length: 8 }, async (_, worker) => {
        for (let n = 0; !isOver; n++) {
          const written = store.set(`grant:busy${worker}:${n % 5}`, 'x', 60)
          outcomes.add(
            await written.then(
              () => 'written',
              () => 'failed',
            ),
          )
          await sleep(1)
        }
      })
      await sleep(300)
      await fault(gate)
      await sleep(300)
      gate.target = Number(new URL(server.url).port)
      await recovery(store, 'grant:busy:1')
      isOver = true
      await Promise.all(workers)
      await sleep(100)
      process.off('uncaughtException', note)
      expect(unhandled).toEqual([])
      expect(outcomes).toContain('written')
      await store.close()
      await own?.end()
      await gate.close()
    })
  })

  test('a write that waited for a lock until its caller gave up does not happen later', async () => {
    const store = postgres({ url: server.url })
    await store.set('grant:late:1', 'first', 60)
    await raw.query('BEGIN; LOCK TABLE lockgate IN EXCLUSIVE MODE')
    await expect(store.set('grant:late:1', 'late', 60)).rejects.toThrow()
    await raw.query('COMMIT')
    await sleep(500)
    expect((await store.get('grant:late:1'))?.value).toBe('first')
    await store.close()
  })

  test('silent connections are dropped, and lose nothing', async () => {
    const gate = await startGate(Number(new URL(server.url).port))
    const store = postgres({ url: behind(gate.port) })
    await Promise.all(Array.from({ length: 5 }, () => store.set('grant:s:kept', 'kept', 60)))
    gate.silence()
    await recovery(store, 'grant:s:1')
    await expectKept(store, { 'grant:s:kept': 'kept' })
    await store.close()
    await gate.close()
  })

  test('a swap whose answer was lost counts as done', async () => {
    const gate = await startGate(Number(new URL(server.url).port))
    const store = postgres({ url: behind(gate.port), connections: 1 })
    await store.set('grant:lost:1', 'first', 60)
    const { version } = (await store.get('grant:lost:1'))!
    gate.silenceReplies()
    expect(await store.swap('grant:lost:1', version, 'second', 60)).toBe(true)
    expect((await store.get('grant:lost:1'))?.value).toBe('second')
    await store.close()
    await gate.close()
  })

  test('a server that refuses writes at first is written to once it takes them', async () => {
    const store = postgres({ url: server.url })
    await store.set('grant:ro:1', 'first', 60)
    await store.close()
    await raw.query('ALTER SYSTEM SET default_transaction_read_only = on')
    await raw.query('SELECT pg_reload_conf()')
    await sleep(300)
    const demoted = postgres({ url: server.url })
    const writing = demoted.set('grant:ro:1', 'second', 60)
    await sleep(500)
    await raw.query('SET default_transaction_read_only = off')
    await raw.query('ALTER SYSTEM RESET default_transaction_read_only')
    await raw.query('SELECT pg_reload_conf()')
    await writing
    expect((await demoted.get('grant:ro:1'))?.value).toBe('second')
    await demoted.close()
  })

  test('a user who may not write is told so at the start', async () => {
    await raw.query('CREATE ROLE reader LOGIN; GRANT SELECT ON lockgate TO reader')
    const store = postgres({ url: server.url.replace('lockgate@', 'reader@') })
    await expect(store.check!()).rejects.toThrow(/may not use the table: grant it SELECT, INSERT/)
    await store.close()
  })

  test('its limits are set on the server, and it has nothing to warn of', async () => {
    const store = postgres({ url: server.url })
    await store.check!()
    expect(await store.warnings!()).toEqual([])
    await store.close()
  })
})

const missing = noPostgres ?? noPgbouncer

testStore(
  'postgres through pgbouncer',
  'atomic',
  async () => {
    const server = await startPostgres()
    const bouncer = await startPgbouncer(server.url)
    const store = postgres({ url: bouncer.url })
    const close = async () => {
      await store.close()
      await bouncer.stop()
      await server.stop()
    }
    return { store, shared: { url: bouncer.url }, close }
  },
  { processes: true, without: missing },
)

test.skipIf(missing).each(['session', 'transaction', 'statement'] as const)(
  'postgres through pgbouncer in mode %s works, and says which setting is missing',
  async (mode) => {
    const server = await startPostgres()
    const bouncer = await startPgbouncer(server.url, mode)
    const store = postgres({ url: bouncer.url })
    await store.check!()
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.set(`grant:u:${index}`, index, 60)))
    expect((await store.get('grant:u:7'))?.value).toBe(7)
    expect(await store.warnings!()).toEqual([expect.stringMatching(/refuses statement_timeout.*ALTER ROLE/)])
    await store.close()
    await bouncer.stop()
    await server.stop()
  },
)

describe.skipIf(missing)('postgres through pgbouncer', () => {
  let server: PostgresServer
  let bouncer: Awaited<ReturnType<typeof startPgbouncer>>
  beforeAll(async () => {
    server = await startPostgres()
    bouncer = await startPgbouncer(server.url)
  })
  afterAll(async () => {
    await bouncer.stop()
    await server.stop()
  })

  test('a server that dies and comes back behind it is found again, and loses nothing', async () => {
    const store = postgres({ url: bouncer.url })
    await Promise.all(Array.from({ length: 10 }, (_, index) => store.set(`grant:u:${index}`, index, 600)))
    await server.restart()
    await recovery(store, 'grant:v:1')
    await expectKept(
      store,
      Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`grant:u:${index}`, index])),
    )
    await store.close()
  })

  test('silent connections to it are dropped, and lose nothing', async () => {
    const gate = await startGate(Number(new URL(bouncer.url).port))
    const store = postgres({ url: bouncer.url.replace(/:\d+\//, `:${gate.port}/`) })
    await Promise.all(Array.from({ length: 5 }, () => store.set('grant:s:kept', 'kept', 600)))
    gate.silence()
    await recovery(store, 'grant:s:1')
    await expectKept(store, { 'grant:s:kept': 'kept' })
    await store.close()
    await gate.close()
  })
})
