import type { Store } from 'lockgate'
import { expect } from 'vitest'
import { listed } from './key-rules.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** @returns Milliseconds until a write, a read and a listing work again. */
export async function recovery(store: Store, key: string): Promise<number> {
  const began = Date.now()
  for (;;) {
    try {
      await store.set(key, { at: began }, 60)
      expect((await store.get(key))?.value).toEqual({ at: began })
      expect(await listed(store, key.slice(0, key.lastIndexOf(':') + 1))).toContain(key)
      return Date.now() - began
    } catch (error) {
      if (Date.now() - began > 15_000) throw error
      await sleep(50)
    }
  }
}
