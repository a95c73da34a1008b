import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from 'lockgate'
import { denoKv } from 'lockgate/storage/deno-kv'
import { fs } from 'lockgate/storage/fs'
import { sqlite } from 'lockgate/storage/sqlite'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
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
import { listed } from './key-rules.ts'
import { endProcesses, openRemote } from './remote-store.ts'
import { bun, deno, nodeWithSqlite } from './runtimes.ts'

let parent: string
/** The place of the records, and where they are moved to. */
let data: string
let gone: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'lockgate-moved-'))
  data = join(parent, 'data')
  gone = join(parent, 'gone')
})
afterEach(() => rm(parent, { recursive: true, force: true }))
afterAll(endProcesses)

/** What an operator does to the folder of a running server. `data` is at its place before, and at `gone` afterwards. */
const MOVES: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['is moved away', () => rename(data, gone)],
  [
    'is replaced by an empty one, as when it is unmounted',
    async () => {
      await rename(data, gone)
      await mkdir(data)
    },
  ],
  [
    'is replaced by a backup that holds the lock of a process that ended',
    async () => {
      const ended = await openRemote(`fs:${join(parent, 'backup')}`)
      await ended.set('grant:u:1', 'old', 60)
      await ended.kill()
      await rename(data, gone)
      await rename(join(parent, 'backup'), data)
    },
  ],
]

const SAYS = /was moved, unmounted or replaced while it was in use: put the (folder|file) back/

type Operation = readonly [string, (store: Store) => Promise<unknown>]

const OPERATIONS: readonly Operation[] = [
  ['get of a record that was there', (store) => store.get('grant:u:1')],
  ['get of a record that never was', (store) => store.get('grant:u:none')],
  ['swap', (store) => store.swap('grant:u:2', undefined, 'new', 60)],
  ['set', (store) => store.set('grant:u:2', 'new', 60)],
  ['delete', (store) => store.delete('grant:u:1')],
  ['keys', (store) => listed(store, 'grant:')],
  ['keys of a user', (store) => listed(store, 'grant:u:')],
]

async function expectGone(store: Store): Promise<void> {
  for (const [name, operate] of OPERATIONS) {
    await expect(
      operate(store).then(() => Promise.reject(new Error('went on'))),
      name,
    ).rejects.toThrow(SAYS)
  }
}

const putBack = async () => {
  await rm(data, { recursive: true, force: true })
  await rename(gone, data)
}

const filesIn = async (folder: string) =>
  (await readdir(folder, { recursive: true }).catch(() => ['no folder'])).sort()

describe.each(MOVES)('fs: while its folder %s', (_name, move) => {
  test('every operation fails and says so, nothing is written there, and all works once it is back', async () => {
    const store = fs({ base: data })
    await store.set('grant:u:1', 'kept', 60)
    await move()
    // A read that finds an old record there learns of it by the next touch of the lock.
    await expect(store.get('grant:u:none')).rejects.toThrow(SAYS)
    const before = await filesIn(data)
    await expectGone(store)
    expect(await filesIn(data)).toEqual(before)
    await putBack()
    expect((await store.get('grant:u:1'))?.value).toBe('kept')
    await store.set('grant:u:2', 'new', 60)
    expect(await listed(store, 'grant:')).toEqual(['grant:u:1', 'grant:u:2'])
    await store.close()
  })

  test('a write at that moment fails first, and leaves nothing', async () => {
    const store = fs({ base: data })
    await store.set('grant:u:1', 'kept', 60)
    await move()
    const before = await filesIn(data)
    await expect(store.set('grant:v:1', 'new', 60)).rejects.toThrow(SAYS)
    await expect(store.delete('grant:u:1')).rejects.toThrow(SAYS)
    expect(await filesIn(data)).toEqual(before)
    await putBack()
    expect(await listed(store, 'grant:')).toEqual(['grant:u:1'])
    await store.close()
  })

  test('a server that is not asked notices within seconds', async () => {
    const store = fs({ base: data })
    await store.set('grant:u:1', 'kept', 60)
    await move()
    await sleep(2500)
    // It may find a record of that name there.
    await expect(store.get('grant:u:1')).rejects.toThrow(SAYS)
    await putBack()
    await store.close()
  })
})

test('fs: a folder that is gone before the first write is not an empty one', async () => {
  const store = fs({ base: data })
  await rm(data, { recursive: true })
  await expect(store.get('grant:u:1')).rejects.toThrow(SAYS)
  await expect(listed(store, 'grant:')).rejects.toThrow(SAYS)
})

test('fs: a new start uses the folder that is there then', async () => {
  const store = fs({ base: data })
  await store.set('grant:u:1', 'old', 60)
  await rename(data, gone)
  await expect(store.get('grant:u:1')).rejects.toThrow(SAYS)
  await store.close()
  const after = fs({ base: data })
  await after.set('grant:u:2', 'new', 60)
  expect(await listed(after, 'grant:')).toEqual(['grant:u:2'])
  await after.close()
})

/** What happens to a database file with the files next to it. */
const FILE_MOVES: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['is moved away with its folder', () => rename(data, gone)],
  [
    'is replaced by another database',
    async () => {
      const other = join(parent, 'other')
      await mkdir(other)
      await rename(data, gone)
      await rename(other, data)
    },
  ],
  [
    'is deleted',
    async () => {
      await mkdir(gone)
      for (const name of await readdir(data)) await rename(join(data, name), join(gone, name))
    },
  ],
]

const RUNTIMES = [
  ['sqlite', 'Node', nodeWithSqlite],
  ['sqlite', 'Bun', bun],
  ['sqlite', 'Deno', deno],
  ['deno-kv', 'Deno', deno],
] as const

for (const [scheme, name, runtime] of RUNTIMES) {
  describe.skipIf(!runtime).each(FILE_MOVES)(`${scheme} on ${name}: while its file %s`, (_name, move) => {
    test('every operation fails and says so, and all works once it is back', async () => {
      const store = await openRemote(`${scheme}:${join(data, 'lockgate.db')}`, runtime)
      await store.set('grant:u:1', 'kept', 60)
      await move()
      await expectGone(store)
      await putBack()
      expect((await store.get('grant:u:1'))?.value).toBe('kept')
      expect(await store.swap('grant:u:2', undefined, 'new', 60)).toBe(true)
      expect(await listed(store, 'grant:')).toEqual(['grant:u:1', 'grant:u:2'])
      await store.close()
    })
  })
}

const OPENERS: readonly (readonly [string, () => Store & { close(): Promise<void> }])[] = [
  ['fs', () => fs({ base: data })],
  ['deno-kv', () => denoKv({ path: join(data, 'lockgate.db') })],
  ...(process.getBuiltinModule?.('node:sqlite')
    ? [['sqlite', () => sqlite({ path: join(data, 'lockgate.db') })] as const]
    : []),
]

describe.each(OPENERS)('%s: a server whose records were moved away', (_name, open) => {
  let system: StartedSystem
  afterEach(() => system.close())

  test('gives 503 with an event that says so, ends no grant, and goes on once they are back', async () => {
    const store = open()
    system = await startSystem({ storage: store, revocationLag: 0 })
    const { client, tokens } = await connect(system)
    await rename(data, gone)
    system.events.length = 0
    for (const response of [
      await system.post('/token', refreshParams(client, tokens.refresh_token)),
      await guarded(system, tokens.access_token),
      await system.post('/revoke', { client_id: client.id, token: tokens.refresh_token }),
    ]) {
      expect(response.headers.get('retry-after')).toBeTruthy()
      expect(await outcome(response)).toEqual([503, 'temporarily_unavailable'])
    }
    const { answer } = await signIn(system, await register(system))
    expect(answer.searchParams.get('error')).toBe('temporarily_unavailable')
    expect(system.events).toContainEqual(
      expect.objectContaining({
        type: 'failed',
        reason: 'storage-failed',
        error: expect.stringMatching(SAYS),
      }),
    )
    expect(await filesIn(parent)).not.toContain('data')
    await rename(gone, data)
    expect((await guarded(system, tokens.access_token)).status).toBe(200)
    const response = await system.post('/token', refreshParams(client, tokens.refresh_token))
    expect(response.status).toBe(200)
    await store.close()
  })
})
