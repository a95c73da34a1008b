import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from 'lockgate'
import { fs } from 'lockgate/storage/fs'
import { afterAll, expect, test, vi } from 'vitest'
import { listed } from './key-rules.ts'
import { openRemote } from './remote-store.ts'
import { testStore } from './store-contract.ts'

const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-fs-'))
  folders.push(folder)
  return folder
}

const filesIn = async (folder: string) => (await readdir(folder, { recursive: true })).sort()

testStore('fs', 'process', async () => ({ store: fs({ base: await newFolder() }) }))

test('a folder that is not there yet is empty, and is made by the first write', async () => {
  const store = fs({ base: join(await newFolder(), 'not', 'there') })
  expect(await store.get('a')).toBeUndefined()
  expect(await listed(store, '')).toEqual([])
  await store.delete('a')
  await store.set('a', 1, 60)
  expect((await store.get('a'))?.value).toBe(1)
})

test('records outlive the store that wrote them', async () => {
  const base = await newFolder()
  await fs({ base }).set('grant:u:1', { kept: true }, 60)
  const reopened = fs({ base })
  expect((await reopened.get('grant:u:1'))?.value).toEqual({ kept: true })
  expect(await listed(reopened, 'grant:u:')).toEqual(['grant:u:1'])
})

/** So large that a file is written in several steps. */
const whole = (round: number) => ({ round, text: String(round % 10).repeat(1_500_000), end: round })

async function expectWhole(store: Store, key: string): Promise<void> {
  const value = (await store.get(key))?.value as ReturnType<typeof whole> | undefined
  if (value) expect(value.text === whole(value.round).text && value.end === value.round).toBe(true)
}

test('a process killed while it writes leaves whole records', async () => {
  const base = await newFolder()
  for (let kill = 0; kill < 5; kill++) {
    const writer = await openRemote(`fs:${base}`)
    const writes = Array.from({ length: 20 }, (_, round) =>
      writer.set(`grant:u:${round % 4}`, whole(round), 60).catch(() => {}),
    )
    await Promise.race(writes)
    // What is seen now is what a kill would leave at this moment.
    const until = Date.now() + 100 + Math.random() * 200
    while (Date.now() < until) await expectWhole(fs({ base }), `grant:u:${kill % 4}`)
    await writer.kill()
    await Promise.all(writes)
    const store = fs({ base })
    const keys = await listed(store, 'grant:u:')
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) await expectWhole(store, key)
  }
})

test('what a crash left beside a record is not listed, and is swept up once nobody can be writing it', async () => {
  const base = await newFolder()
  const store = fs({ base })
  await store.set('grant:u:1', 1, 60)
  const [stale, fresh] = ['1.json.stale.tmp', '1.json.fresh.tmp'].map((name) =>
    join(base, 'grant', 'u', name),
  )
  await writeFile(stale!, '{')
  await writeFile(fresh!, '{')
  await utimes(stale!, new Date(0), new Date(0))
  const reopened = fs({ base })
  expect(await listed(reopened, 'grant:u:')).toEqual(['grant:u:1'])
  await reopened.set('grant:u:1', 2, 60)
  await vi.waitFor(async () => {
    expect(await filesIn(join(base, 'grant', 'u'))).toEqual(['1.json', '1.json.fresh.tmp'])
  })
})

test('expired records are removed as others are written, with the folders they leave empty', async () => {
  const base = await newFolder()
  const store = fs({ base })
  for (let user = 0; user < 20; user++) await store.set(`grant:user${user}:1`, 'short', 0.05)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await vi.waitFor(
    async () => {
      await store.set('grant:live:1', 'long', 60)
      expect(await filesIn(base)).toEqual(['grant', 'grant/live', 'grant/live/1.json'])
    },
    { timeout: 10_000, interval: 1 },
  )
})

test('reading removes nothing: a record that is being replaced stays whole', async () => {
  const base = await newFolder()
  const store = fs({ base })
  // Long enough for the sweep that follows a write to find it alive.
  await store.set('grant:u:1', 'short', 0.5)
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(await store.get('grant:u:1')).toBeUndefined()
  expect(await listed(store, 'grant:')).toEqual([])
  expect(await filesIn(join(base, 'grant', 'u'))).toEqual(['1.json'])
})

test('a file cut in half is an error, not an absence', async () => {
  const base = await newFolder()
  const store = fs({ base })
  await mkdir(join(base, 'grant', 'u'), { recursive: true })
  await writeFile(join(base, 'grant', 'u', '1.json'), '{"version":"a","expiresAt":9')
  await expect(store.get('grant:u:1')).rejects.toThrow('Lockgate did not write')
  await expect(store.swap('grant:u:1', undefined, 1, 60)).rejects.toThrow('Lockgate did not write')
})

test('a folder that cannot be read or written is an error, not an absence', async () => {
  const folder = await newFolder()
  await writeFile(join(folder, 'file'), '')
  const store = fs({ base: join(folder, 'file') })
  await expect(store.get('a')).rejects.toThrow('ENOTDIR')
  await expect(store.set('a', 1, 60)).rejects.toThrow()
  await expect(store.swap('a', undefined, 1, 60)).rejects.toThrow('ENOTDIR')
  await expect(store.delete('a')).rejects.toThrow('ENOTDIR')
  await expect(listed(store, '')).rejects.toThrow('ENOTDIR')
})
