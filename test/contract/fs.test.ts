import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError, createProxy, type Store } from 'lockgate'
import { dev } from 'lockgate/providers/dev'
import { denoKv } from 'lockgate/storage/deno-kv'
import { fromUrl } from 'lockgate/storage/from-url'
import { fs } from 'lockgate/storage/fs'
import { sqlite } from 'lockgate/storage/sqlite'
import { afterAll, describe, expect, test } from 'vitest'
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

/** Lists a folder, again if one in it was removed meanwhile: the store sweeps beside its writes. */
async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { recursive: true })).filter((file) => file !== '.gitignore').sort()
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' || path === folder) throw error
    return filesIn(folder)
  }
}

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

// It starts five processes.
test('a process killed while it writes leaves whole records', { timeout: 120_000 }, async () => {
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

test('a leftover of a crash is not listed, and is removed once no write can be using it', async () => {
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
  await expect.poll(() => filesIn(join(base, 'grant', 'u'))).toEqual(['1.json', '1.json.fresh.tmp'])
})

/** Writes that suffice for two rounds of the sweep through few records. A busy machine takes its time for each. */
const TWO_ROUNDS = 500

async function writeUntil(store: Store, key: string, isDone: () => Promise<boolean>): Promise<void> {
  for (let writes = 0; writes < TWO_ROUNDS; writes++) {
    await store.set(key, 'long', 60)
    if (writes % 10 === 0 && (await isDone())) return
  }
}

test('expired records are removed as others are written, with the folders they leave empty', {
  timeout: 120_000,
}, async () => {
  const base = await newFolder()
  const store = fs({ base })
  for (let user = 0; user < 20; user++) await store.set(`grant:user${user}:1`, 'short', 0.05)
  await new Promise((resolve) => setTimeout(resolve, 100))
  const left = ['.lock', 'grant', 'grant/live', 'grant/live/1.json']
  await writeUntil(store, 'grant:live:1', async () => String(await filesIn(base)) === String(left))
  expect(await filesIn(base)).toEqual(left)
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
  await expect(store.swap('a', undefined, 1, 60)).rejects.toThrow()
  await expect(store.delete('a')).rejects.toThrow('ENOTDIR')
  await expect(listed(store, '')).rejects.toThrow('ENOTDIR')
})

test('all stores of one process on one folder take turns', async () => {
  const base = await newFolder()
  const stores = [1, 2, 3].map(() => fs({ base }))
  const won = await Promise.all(
    Array.from({ length: 30 }, (_, racer) => stores[racer % 3]!.swap('grant:u:1', undefined, racer, 60)),
  )
  expect(won.filter(Boolean)).toHaveLength(1)
  await Promise.all(stores.map((store) => store.close()))
})

describe('the lock of a folder', () => {
  test('refuses the writes of a second process, and names the first one', async () => {
    const base = await newFolder()
    const store = fs({ base })
    await store.set('grant:u:1', 'first', 60)
    const second = await openRemote(`fs:${base}`)
    await expect(second.hold!()).rejects.toThrow(
      `${base} is in use by process ${process.pid} on ${hostname()}: stop that process, or use sqlite:`,
    )
    await expect(second.set('grant:u:1', 'second', 60)).rejects.toThrow('is in use by process')
    await expect(second.swap('grant:u:2', undefined, 'second', 60)).rejects.toThrow('is in use by process')
    // An operator may list and revoke while the server runs.
    expect((await second.get('grant:u:1'))?.value).toBe('first')
    expect(await listed(second, 'grant:')).toEqual(['grant:u:1'])
    await second.delete('grant:u:1')
    expect(await store.get('grant:u:1')).toBeUndefined()
    await store.close()
    await second.set('grant:u:1', 'second', 60)
    expect((await store.get('grant:u:1'))?.value).toBe('second')
    await second.close()
  })

  test('of a process that was killed is taken over at once', async () => {
    const base = await newFolder()
    const first = await openRemote(`fs:${base}`)
    await first.set('grant:u:1', 'kept', 60)
    await first.kill()
    expect(await filesIn(base)).toContain('.lock')
    const store = fs({ base })
    const began = Date.now()
    await store.set('grant:u:2', 1, 60)
    expect(Date.now() - began).toBeLessThan(1000)
    expect((await store.get('grant:u:1'))?.value).toBe('kept')
    await store.close()
  })

  test('of a process that ended by itself is gone', async () => {
    const base = await newFolder()
    const first = await openRemote(`fs:${base}`)
    await first.set('grant:u:1', 'kept', 60)
    await first.close()
    expect(await filesIn(base)).toEqual(['grant', 'grant/u', 'grant/u/1.json'])
  })

  const elsewhere = (touched: Date) => ({
    text: JSON.stringify({ id: 'x', pid: 1, started: '1', place: 'another-machine pid:[1]' }),
    touched,
  })

  test('of another machine is respected as long as it is touched', async () => {
    const base = await newFolder()
    const { text } = elsewhere(new Date())
    const file = join(base, '.lock')
    await writeFile(file, text)
    const touching = setInterval(() => void utimes(file, new Date(), new Date()), 500)
    const store = fs({ base })
    await expect(store.hold!()).rejects.toThrow('is in use by process 1 on another-machine')
    clearInterval(touching)
    expect(await readFile(file, 'utf8')).toBe(text)
  })

  test.each([
    ['of another machine', elsewhere(new Date(0)).text],
    ['that was cut in half', '{"id":'],
  ])('%s is taken over when it is not touched', async (_name, text) => {
    const base = await newFolder()
    await writeFile(join(base, '.lock'), text)
    const store = fs({ base })
    const began = Date.now()
    await store.hold!()
    expect(Date.now() - began).toBeGreaterThan(9000)
    await store.set('grant:u:1', 1, 60)
    await store.close()
  })

  test('of a process number that another program has now is taken over', async () => {
    const base = await newFolder()
    const first = fs({ base })
    await first.hold!()
    const own = JSON.parse(await readFile(join(base, '.lock'), 'utf8')) as object
    await first.close()
    await writeFile(join(base, '.lock'), JSON.stringify({ ...own, id: 'y', started: '1' }))
    const store = fs({ base })
    await store.set('grant:u:1', 1, 60)
    await store.close()
  })

  test('is lost to a process that took it over, and nothing is read or written after that', async () => {
    const base = await newFolder()
    const store = fs({ base })
    await store.set('grant:u:1', 'ours', 60)
    await writeFile(join(base, '.lock'), elsewhere(new Date()).text)
    const touching = setInterval(
      () => void utimes(join(base, '.lock'), new Date(), new Date()).catch(() => {}),
      500,
    )
    await new Promise((resolve) => setTimeout(resolve, 2500))
    await expect(store.set('grant:u:1', 'late', 60)).rejects.toThrow('is in use by')
    await expect(store.delete('grant:u:1')).rejects.toThrow('is in use by')
    await expect(store.get('grant:u:1')).rejects.toThrow('is in use by')
    clearInterval(touching)
    const other = await openRemote(`fs:${base}`)
    expect((await other.get('grant:u:1'))?.value).toBe('ours')
    await other.close()
  })
})

describe('the check at the start', () => {
  test('leaves nothing behind, and does not need the lock', async () => {
    const base = await newFolder()
    const serving = await openRemote(`fs:${base}`)
    await serving.hold!()
    const store = fs({ base })
    await store.check!()
    expect(await filesIn(base)).toEqual(['.lock'])
    await serving.close()
  })

  const EXPECTED =
    /^cannot write to \S+ \((ENOTDIR|ENOENT)\): it must be a folder that this user may write to$/
  const SCHEMES = [
    ['fs:', ''],
    ['sqlite:', '/a.db'],
    ['deno-kv:', '/a.db'],
  ] as const
  const PLACES = ['file', 'file/below', '/proc/nope', '/proc/nope/below']
  const cases = SCHEMES.flatMap(([scheme, end]) => PLACES.map((place) => [scheme, place, end] as const))

  test.each(cases)('names the folder that cannot be written: %s%s%s', async (scheme, place, end) => {
    const folder = await newFolder()
    await writeFile(join(folder, 'file'), '')
    await expect(fromUrl(`${scheme}${resolve(folder, place)}${end}`)).rejects.toThrow(EXPECTED)
  })

  test.each(PLACES)('is not needed in code: createProxy names the folder %s', async (place) => {
    const folder = await newFolder()
    await writeFile(join(folder, 'file'), '')
    const at = resolve(folder, place)
    for (const storage of [
      fs({ base: at }),
      sqlite({ path: join(at, 'a.db') }),
      denoKv({ path: `${at}/b` }),
    ]) {
      const create = () =>
        createProxy({
          url: 'http://localhost:8787',
          secret: '7XqR2mVtYk0hZJ5sLwB9cNfPdG3uEaT8iQoKxWzMvC4',
          upstream: dev(),
          storage,
          mcp: 'http://127.0.0.1:3000/mcp',
        })
      expect(create).toThrow(ConfigError)
      expect(create).toThrow(/^Lockgate cannot start:\n {2}storage: cannot write to \S+ \(E\w+\): it must be/)
      await storage.close()
    }
  })
})

describe('a damaged record', () => {
  const damage = async (base: string, text: string) => {
    await mkdir(join(base, 'grant', 'u'), { recursive: true })
    await writeFile(join(base, 'grant', 'u', 'bad.json'), text)
  }

  test('is named in lists, hides no other record, and can be deleted', async () => {
    const base = await newFolder()
    const store = fs({ base })
    await store.set('grant:u:good', 1, 60)
    await damage(base, 'cut')
    expect(await listed(store, 'grant:')).toEqual(['grant:u:bad', 'grant:u:good'])
    const found = await store.getMany!(['grant:u:bad', 'grant:u:good', 'grant:u:none'])
    expect(found).toEqual([
      expect.objectContaining({ name: 'UnreadableRecord', key: 'grant:u:bad' }),
      expect.objectContaining({ value: 1 }),
      undefined,
    ])
    await store.delete('grant:u:bad')
    expect(await listed(store, 'grant:')).toEqual(['grant:u:good'])
    await store.close()
  })

  test('is swept when it is so old that it cannot be good', { timeout: 120_000 }, async () => {
    const base = await newFolder()
    const store = fs({ base })
    await damage(base, 'cut')
    const month = new Date(Date.now() - 31 * 86_400_000)
    await utimes(join(base, 'grant', 'u', 'bad.json'), month, month)
    const files = () => filesIn(join(base, 'grant', 'u'))
    await writeUntil(store, 'grant:u:good', async () => (await files()).length === 1)
    expect(await files()).toEqual(['good.json'])
    await store.close()
  })
})
