import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Store } from 'lockgate'
import { createKeyring } from '../../../src/crypto/keyring.ts'
import { createSealer } from '../../../src/crypto/seal.ts'
import { newGrantKey, recordKey } from '../../../src/grants/grant-key.ts'
import { createGrants, type NewGrant } from '../../../src/grants/grants.ts'
import { createAccessTokens } from '../../../src/tokens/access-token.ts'
import { startWorkerd } from '../../runtime/workers.ts'
import { locate } from '../../runtimes/locate.ts'
import { freePort } from '../../support/free-port.ts'
import { noPostgres, startPostgres } from '../../support/postgres.ts'
import { listening, noRedis } from '../../support/redis.ts'
import { median } from '../measure.ts'
import { builtModules, lockgate, SECRET } from '../subjects/lockgate.ts'
import { expectStatus } from '../subjects/subject.ts'

type Grants = ReturnType<typeof createGrants>
type Closable = Store & { close?(): Promise<void> | void }

/** A store under measurement, with a way to weigh it. */
interface Subject {
  readonly store: Closable
  /** Bytes that it takes now. */
  weigh(): number | Promise<number>
  /** Restarts the server behind it. Resolves once the server accepts connections. */
  restart?(): Promise<void>
  end(): Promise<void>
}

/** Figures of one store with a number of grants in it. */
export interface StoreFigures {
  readonly store: string
  readonly grants: number
  /** Bytes of one grant with its key and what the store adds. */
  readonly bytes: number
  /** Grants written in a second, 50 at once. */
  readonly writes: number
  /** Milliseconds of the first call with a grant, in the middle and of the slowest hundredth. */
  readonly coldMedian: number
  readonly coldSlowest: number
  /** Milliseconds from the restarted server to the first grant that can be read. */
  readonly recovery: number | undefined
}

const load = (path: string) => import(new URL(`../../../dist/storage/${path}.js`, import.meta.url).href)
const folderFor = () => mkdtempSync(join(tmpdir(), 'lockgate-limits-'))

const folderBytes = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true }).reduce((sum, entry) => {
    if (!entry.isFile()) return sum
    return sum + statSync(join(entry.parentPath, entry.name)).blocks * 512
  }, 0)

async function onDisk(open: (folder: string) => Promise<Closable>): Promise<Subject> {
  const folder = folderFor()
  const store = await open(folder)
  return {
    store,
    weigh: () => folderBytes(folder),
    async end() {
      await store.close?.()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function onRedis(): Promise<Subject> {
  const port = await freePort()
  const folder = folderFor()
  const start = async () => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
    // Every write is on disk within a second, so a restart keeps all but the newest ones.
    const server = spawn('redis-server', [...args, '--appendonly', 'yes'], { stdio: 'ignore' })
    await listening(port)
    return server
  }
  const command = (...args: string[]) =>
    execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' })
  let server = await start()
  const { redis } = (await load('redis')) as { redis(options: { url: string }): Closable }
  const store = redis({ url: `redis://127.0.0.1:${port}` })
  const stop = async () => {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    await ended
  }
  return {
    store,
    weigh: () => Number(/^used_memory:(\d+)/m.exec(command('info', 'memory'))![1]),
    async restart() {
      await stop()
      server = await start()
      while (!command('ping').includes('PONG')) await sleep(20)
    },
    async end() {
      await store.close?.()
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function onPostgres(): Promise<Subject> {
  const server = await startPostgres()
  const { postgres } = (await load('postgres')) as { postgres(options: { url: string }): Closable }
  const store = postgres({ url: server.url })
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: server.url })
  // The restart ends this connection, too.
  client.on('error', () => {})
  await client.connect()
  return {
    store,
    async weigh() {
      const { rows } = await client.query<{ size: string }>(
        'select pg_database_size(current_database()) as size',
      )
      return Number(rows[0]!.size)
    },
    restart: () => server.restart(),
    async end() {
      await store.close?.()
      await server.stop()
    },
  }
}

/** Durable Objects of workerd on disk. Each operation takes one HTTP request more than in a Worker. */
async function onDurableObjects(): Promise<Subject> {
  const [folder, objectsFolder] = [folderFor(), folderFor()]
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const child = await startWorkerd({
    ...{ folder, objectsFolder, port, url, binary: locate('workerd')!, objects: 'LOCKGATE', env: {} },
    entry: fileURLToPath(new URL('../programs/durable-object-worker.js', import.meta.url)),
  })
  async function call<T>(...call: readonly unknown[]): Promise<T> {
    // workerd closes a kept connection without notice.
    const headers = { connection: 'close' }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(call) })
    if (!response.ok) throw new Error(`workerd responded ${response.status}: ${child.output()}`)
    return ((await response.json()) as { result: T }).result
  }
  return {
    store: {
      consistency: 'atomic',
      get: (key) => call('get', key),
      getMany: (keys) => call('getMany', keys),
      set: (...args) => call('set', ...args),
      swap: (...args) => call('swap', ...args),
      delete: (key) => call('delete', key),
      keys() {
        throw new Error('lists are not measured')
      },
    },
    weigh: async () => (await (await fetch(url)).json()) as number,
    async end() {
      await child.stop()
      for (const path of [folder, objectsFolder]) rmSync(path, { recursive: true, force: true })
    },
  }
}

const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const SUBJECTS: Readonly<Record<string, { open(): Promise<Subject>; lacks?: string | undefined }>> = {
  memory: {
    open: async () => ({ store: (await builtModules()).memory(), weigh: heap, end: async () => {} }),
  },
  fs: {
    open: () =>
      onDisk(async (base) => ((await load('fs')) as { fs(o: { base: string }): Closable }).fs({ base })),
  },
  sqlite: {
    open: () =>
      onDisk(async (folder) => {
        const { sqlite } = (await load('sqlite')) as { sqlite(options: { path: string }): Closable }
        return sqlite({ path: join(folder, 'grants.db') })
      }),
  },
  'deno-kv': {
    open: () =>
      onDisk(async (folder) => {
        const { denoKv } = (await load('deno-kv')) as { denoKv(options: { path: string }): Closable }
        return denoKv({ path: join(folder, 'grants.db') })
      }),
    lacks: locate('deno') === undefined ? 'the binary of Deno' : undefined,
  },
  'durable-object': {
    open: onDurableObjects,
    lacks: locate('workerd') === undefined ? 'the binary of workerd' : undefined,
  },
  redis: { open: onRedis, lacks: noRedis },
  postgres: { open: onPostgres, lacks: noPostgres },
}

export const STORES = Object.keys(SUBJECTS)

/** Names the program that a store needs and this machine lacks. */
export const lackOf = (name: string): string | undefined => SUBJECTS[name]!.lacks

/** Calls that are measured at each size, and writes under way at once. */
const CALLS = 300
const AT_ONCE = 50

/**
 * Fills a store with grants, and measures it at each size.
 *
 * @param sizes Numbers of grants, growing.
 * @param minutes The longest time for the writes of one size. One that takes longer is left out, with a warning.
 */
export async function measureStore(
  name: string,
  sizes: readonly number[],
  minutes: number,
): Promise<StoreFigures[]> {
  const subject = await SUBJECTS[name]!.open()
  const origin = 'https://mcp.example.com'
  const sealer = createSealer(createKeyring([SECRET]), origin)
  const now = () => Math.floor(Date.now() / 1000)
  const { store } = subject
  const grants: Grants = createGrants({
    store,
    sealer,
    now,
    uptime: now,
    revocationLag: 5,
    issuer: origin,
    emit: () => {},
  })
  const tokens = createAccessTokens(sealer, origin)
  const proxy = await lockgate(origin, await builtModules(), store, { revocationLag: 300 })
  const clientId = await proxy.register!(proxy.fetch)
  const session = await proxy.signIn!(proxy.fetch, clientId)
  const [user = '', id = ''] = session.refreshToken.split('.')
  const pattern = (await grants.load({ user, id }))!
  const { client, clientName, refreshes, origin: origins, resource, scope, expiresAt, epoch } = pattern
  const identity = grants.identityOf({ user, id }, pattern)
  const upstreamTokens = grants.tokensOf({ user, id }, pattern)
  const known: { user: string; id: string }[] = []
  const add = async (): Promise<void> => {
    const key = newGrantKey(newGrantKey('').id)
    const about: NewGrant = {
      key,
      origin: origins,
      client: { key: client, name: clientName, refreshes },
      resource,
      scope,
      identity,
      tokens: upstreamTokens,
      expiresAt,
    }
    await grants.issue(about)
    // A sample is enough for the calls.
    if (known.length < 5000) known.push(key)
    else known[Math.floor(Math.random() * known.length)] = key
  }
  const guard = async (key: { user: string; id: string }): Promise<number> => {
    const times = { issuedAt: now(), expiresAt: now() + 3600 }
    const token = tokens.issue({ key, epoch, client, resource, scope, ...times })
    const request = new Request(proxy.resource, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    const began = performance.now()
    await expectStatus(await proxy.fetch(request), 200)
    return performance.now() - began
  }

  const figures: StoreFigures[] = []
  try {
    let filled = 0
    for (const size of sizes) {
      const before = await subject.weigh()
      const [from, began] = [filled, performance.now()]
      const fill = async () => {
        while (filled < size && performance.now() - began < minutes * 60_000) {
          filled++
          await add()
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, fill))
      if (filled < size) {
        console.warn(
          `${name} with ${size} grants is left out: ${filled} were written after ${minutes} minutes`,
        )
        break
      }
      const seconds = (performance.now() - began) / 1000
      const bytes = ((await subject.weigh()) - before) / (size - from)
      proxy.restart!()
      await guard(known[0]!)
      const samples: number[] = []
      for (let index = 0; index < CALLS; index++)
        samples.push(await guard(known[1 + Math.floor(Math.random() * (known.length - 1))]!))
      samples.sort((a, b) => a - b)
      figures.push({
        store: name,
        grants: size,
        bytes,
        writes: (size - from) / seconds,
        coldMedian: median(samples),
        coldSlowest: samples[Math.floor(samples.length * 0.99)]!,
        recovery: undefined,
      })
    }
    const last = figures.pop()
    if (!last) return []
    const recovery = subject.restart && (await recover(subject, grants, known[0]!))
    return [...figures, { ...last, recovery }]
  } finally {
    await subject.end()
  }
}

/** Restarts the server behind a store. @returns Milliseconds until a grant can be read again. */
async function recover(subject: Subject, grants: Grants, key: { user: string; id: string }): Promise<number> {
  await subject.restart!()
  const began = performance.now()
  for (;;) {
    const grant = await grants.load(key).catch(() => undefined)
    if (grant) return performance.now() - began
    if (performance.now() - began > 60_000)
      throw new Error(`${recordKey(key)} cannot be read after a restart`)
    await sleep(10)
  }
}
