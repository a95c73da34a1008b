import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from 'lockgate'
import { denoKv } from 'lockgate/storage/deno-kv'
import { fs } from 'lockgate/storage/fs'
import { postgres } from 'lockgate/storage/postgres'
import { redis } from 'lockgate/storage/redis'
import { sqlite } from 'lockgate/storage/sqlite'
import { afterEach, describe, expect, test } from 'vitest'
import { noPostgres, startPostgres } from '../support/postgres.ts'
import { noRedis } from '../support/redis.ts'
import { createRedisLab } from '../support/redis-lab.ts'
import {
  connect,
  guarded,
  outcome,
  refreshParams,
  register,
  type StartedSystem,
  signIn,
  startSystem,
} from '../support/system.ts'
import { keptGrants, recovers } from './recovery.ts'

interface Engine {
  open(): Store & { close(): Promise<void> }
  restart(whileDown: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const SERVERS: readonly (readonly [
  name: string,
  missing: string | undefined,
  start: () => Promise<Engine>,
])[] = [
  [
    'redis',
    noRedis,
    async () => {
      const lab = await createRedisLab()
      const node = await lab.start('--appendonly', 'yes', '--appendfsync', 'always')
      return { open: () => redis({ url: node.url }), restart: node.restart, stop: lab.stop }
    },
  ],
  [
    'postgres',
    noPostgres ?? (process.env.POSTGRES_URL ? 'a PostgreSQL of its own' : undefined),
    async () => {
      const server = await startPostgres()
      return { open: () => postgres({ url: server.url }), restart: server.restart, stop: server.stop }
    },
  ],
]

let system: StartedSystem
afterEach(() => system?.close())

for (const [name, missing, start] of SERVERS) {
  describe.skipIf(missing)(name, () => {
    test('that is down gives 503, lets no one in, and goes on by itself with every grant', async () => {
      const engine = await start()
      const store = engine.open()
      system = await startSystem({ storage: store, revocationLag: 0 })
      const connected = [await connect(system), await connect(system), await connect(system)]
      const { client, tokens } = connected[0]!
      await engine.restart(async () => {
        for (const response of [
          await guarded(system, tokens.access_token),
          await system.post('/token', refreshParams(client, tokens.refresh_token)),
          await system.post('/revoke', { client_id: client.id, token: tokens.refresh_token }),
        ]) {
          expect(response.headers.get('retry-after')).toBeTruthy()
          expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
        }
        const { answer } = await signIn(system, await register(system))
        expect(answer.searchParams.get('error')).toBe('temporarily_unavailable')
      })
      await recovers(async () => expect((await guarded(system, tokens.access_token)).status).toBe(200))
      for (const { client, tokens } of connected) {
        const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
        expect(response.status).toBe(200)
      }
      keptGrants(connected.length)
      await connect(system)
      await store.close()
      await engine.stop()
    })
  })
}

const FILES: readonly (readonly [
  name: string,
  missing: boolean,
  open: (folder: string) => Store & { close(): Promise<void> },
])[] = [
  ['fs', false, (folder) => fs({ base: join(folder, 'data') })],
  [
    'sqlite',
    !process.getBuiltinModule?.('node:sqlite'),
    (folder) => sqlite({ path: join(folder, 'lockgate.db') }),
  ],
  ['deno-kv', false, (folder) => denoKv({ path: join(folder, 'kv.sqlite') })],
]

for (const [name, missing, open] of FILES) {
  // Node 20 has no SQLite.
  if (missing) continue
  test(`${name}: after a restart every grant goes on`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lockgate-restart-'))
    const before = open(folder)
    system = await startSystem({ storage: before })
    const { client, tokens } = await connect(system)
    await before.close()
    const after = open(folder)
    const restarted = system.another({ storage: after })
    expect((await guarded(restarted, tokens.access_token)).status).toBe(200)
    expect((await restarted.post('/token', refreshParams(client, tokens.refresh_token))).status).toBe(200)
    await after.close()
    await rm(folder, { recursive: true })
  })
}
