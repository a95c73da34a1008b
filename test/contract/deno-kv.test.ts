import { mkdtemp, rm } from 'node:fs/promises'
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
    await expect(write).rejects.toThrow(/64 KiB.*6\d{4} bytes/)
    expect(await store.get('a')).toBeUndefined()
    await store.set('a', 'x'.repeat(65_000), 60)
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
})
