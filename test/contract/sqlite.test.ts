import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { endProcesses, openRemote } from './remote-store.ts'
import { bun, deno, nodeWithSqlite } from './runtimes.ts'
import { testStore } from './store-contract.ts'

const folders: string[] = []
afterAll(async () => {
  endProcesses()
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
})

async function newUrl(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-sqlite-'))
  folders.push(folder)
  return `sqlite:${join(folder, 'new', 'lockgate.db')}`
}

for (const [name, runtime] of Object.entries({ node: nodeWithSqlite, bun, deno })) {
  testStore(
    `sqlite on ${name}`,
    'atomic',
    async () => {
      const url = await newUrl()
      const store = await openRemote(url, runtime)
      return { store, shared: { url, ...(runtime && { runtime }) }, close: () => store.close() }
    },
    { processes: true, without: runtime ? undefined : `${name} with SQLite` },
  )
}

describe.skipIf(!nodeWithSqlite)('sqlite', () => {
  test('records outlive a process that is killed, and only their owner can read them', async () => {
    const url = await newUrl()
    const first = await openRemote(url, nodeWithSqlite)
    await first.set('grant:u:1', { kept: true }, 60)
    const writes = Array.from({ length: 50 }, (_, round) => first.set('grant:u:2', round, 60).catch(() => {}))
    await Promise.race(writes)
    await first.kill()
    const second = await openRemote(url, nodeWithSqlite)
    expect((await second.get('grant:u:1'))?.value).toEqual({ kept: true })
    expect(typeof (await second.get('grant:u:2'))?.value).toBe('number')
    for (const end of ['', '-wal']) expect((await stat(url.slice(7) + end)).mode & 0o077).toBe(0)
    await second.close()
  })

  test('three processes that write all the time make no write fail', async () => {
    const url = await newUrl()
    const stores = await Promise.all([1, 2, 3].map(() => openRemote(url, nodeWithSqlite)))
    const writes = stores.flatMap((store, writer) =>
      Array.from({ length: 100 }, (_, round) => store.set(`grant:u${writer}:${round}`, 'x'.repeat(2000), 60)),
    )
    await Promise.all(writes)
    await Promise.all(stores.map((store) => store.close()))
  })
})
