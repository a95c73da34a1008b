import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DenoKv, denoKv } from 'lockgate/storage/deno-kv'
import { afterAll, describe, expect, test } from 'vitest'
import { endProcesses, openRemote, thisNode } from './remote-store.ts'
import { deno } from './runtimes.ts'
import { testStore } from './store-contract.ts'

const folders: string[] = []
afterAll(async () => {
  endProcesses()
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
})

async function newUrl(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lockgate-deno-kv-'))
  folders.push(folder)
  return `deno-kv:${join(folder, 'kv.sqlite')}`
}

for (const [name, runtime] of Object.entries({ deno, node: thisNode })) {
  testStore(
    `deno-kv on ${name}`,
    'atomic',
    async () => {
      const url = await newUrl()
      const store = await openRemote(url, runtime)
      return { store, shared: { url, ...(runtime && { runtime }) }, close: () => store.close() }
    },
    { processes: true, without: runtime ? undefined : name },
  )
}

describe('deno-kv', () => {
  test.each([
    ['set', 65_600],
    ['swap', 65_600],
  ] as const)('says by %s that a record is too large, and how large it is', async (op, size) => {
    const store = await openRemote(await newUrl(), deno ?? thisNode)
    const value = 'x'.repeat(size)
    const write = op === 'set' ? store.set('a', value, 60) : store.swap('a', undefined, value, 60)
    await expect(write).rejects.toThrow(
      /Deno KV accepts 65456 bytes in one record, and this one has 6\d{4} bytes/,
    )
    expect(await store.get('a')).toBeUndefined()
    // The largest value that it says it accepts.
    await store.set('a', 'x'.repeat(65_456 - 2), 60)
    await store.close()
  })

  test.runIf(thisNode)('uses a database that is open, and leaves it open', async () => {
    const { openKv } = await import('@deno/kv')
    const kv = await openKv((await newUrl()).slice('deno-kv:'.length))
    const store = denoKv({ kv: kv as unknown as DenoKv })
    await store.set('a', { is: 'there' }, 60)
    await store.close()
    expect(await denoKv({ kv: kv as unknown as DenoKv }).get('a')).toMatchObject({ value: { is: 'there' } })
    kv.close()
  })

  test.each(Object.entries({ deno, node: thisNode }))(
    'on %s keeps its files to their owner, and takes them back from others',
    async (_name, runtime) => {
      if (!runtime) return
      const url = await newUrl()
      const path = url.slice('deno-kv:'.length)
      const modes = async () =>
        Promise.all(['', '-wal', '-shm'].map(async (end) => (await stat(path + end)).mode & 0o077))
      const first = await openRemote(url, runtime)
      await first.set('a', 'kept', 60)
      expect(await modes()).toEqual([0, 0, 0])
      await first.close()
      // As an older version left it.
      await chmod(path, 0o644)
      const second = await openRemote(url, runtime)
      expect((await second.get('a'))?.value).toBe('kept')
      expect(await modes()).toEqual([0, 0, 0])
      await second.close()
    },
  )
})
