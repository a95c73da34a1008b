import { randomUUID } from 'node:crypto'
import type { Store } from 'lockgate'
import { expect, test } from 'vitest'

/** A store, opened on data that was empty. */
export interface Opened {
  readonly store: Store
  /** The same data as a text for `fromUrl`, and the runtime to open it with: several processes then race for it. */
  readonly shared?: { readonly url: string; readonly runtime?: readonly string[] }
  /** Which prefixes can be listed: any, or only those that name a whole folder of keys. */
  readonly lists?: 'any' | 'folders'
  close?(): Promise<void> | void
}

export async function listed(store: Store, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const key of store.keys(prefix)) keys.push(key)
  return keys.sort()
}

/** What every store must do with keys, and with what only looks like one. */
export function testKeys(opened: () => Opened): void {
  test('lists the live keys under a prefix, and no neighbour', async () => {
    const tag = randomUUID().slice(0, 8)
    const keys = ['ab:1', 'ab:2', 'ab:gone', 'abc:1', 'a:1', 'AB:1', 'ab_:1', 'aab:1'].map(
      (end) => `grant:${tag}-${end}`,
    )
    for (const key of keys) await opened().store.set(key, 'x', 60)
    await opened().store.delete(`grant:${tag}-ab:gone`)
    await opened().store.set(`other:${tag}-ab:1`, 'x', 60)
    const prefix = `grant:${tag}-ab:`
    expect(await listed(opened().store, prefix)).toEqual([`${prefix}1`, `${prefix}2`])
    expect(await listed(opened().store, `grant:${tag}-none:`)).toEqual([])
    if (opened().lists === 'folders') {
      await expect(listed(opened().store, `grant:${tag}`)).rejects.toThrow(TypeError)
    } else {
      const live = keys.filter((key) => !key.endsWith('gone')).sort()
      expect(await listed(opened().store, `grant:${tag}-`)).toEqual(live)
      const whole = await listed(opened().store, 'grant:')
      expect(live.filter((key) => !whole.includes(key))).toEqual([])
    }
  })

  test('lists 300 keys of one user, each once', { timeout: 60_000 }, async () => {
    const prefix = `grant:${randomUUID()}:`
    const keys = Array.from({ length: 300 }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`)
    // A few at a time: the engine's deadline is not what is tested here.
    for (let start = 0; start < keys.length; start += 20) {
      await Promise.all(keys.slice(start, start + 20).map((key) => opened().store.set(key, 'x', 60)))
    }
    expect(await listed(opened().store, prefix)).toEqual(keys)
  })

  test('keeps a record and one whose key continues its own apart', async () => {
    const key = `grant:${randomUUID()}`
    await opened().store.set(key, 'short', 60)
    await opened().store.set(`${key}:more`, 'long', 60)
    expect((await opened().store.get(key))!.value).toBe('short')
    expect((await opened().store.get(`${key}:more`))!.value).toBe('long')
    await opened().store.delete(`${key}:more`)
    expect((await opened().store.get(key))!.value).toBe('short')
  })

  test.each([
    ['an empty key', ''],
    ['the folder above', '..'],
    ['a detour', 'a/../b'],
    ['a detour of parts', 'a:..:b'],
    ['a hidden detour', 'a:%2e%2e:b'],
    ['a query', 'a?x'],
    ['only a query', '?x'],
    ['a hash', 'a#x'],
    ['a backslash', 'a\\b'],
    ['a slash', 'a/b'],
    ['a star', 'a:*'],
    ['a quote', "a'--"],
    ['an end of line', 'a\n'],
    ['a null character', 'a\u0000'],
    ['an empty part', 'a::b'],
    ['a colon at its end', 'a:'],
    ['a colon at its start', ':a'],
    ['300 characters', 'x'.repeat(300)],
  ])('refuses %s as a key', async (_name, key) => {
    await opened().store.set('b', 'untouched', 60)
    await expect(opened().store.get(key)).rejects.toThrow(TypeError)
    await expect(opened().store.set(key, 'x', 60)).rejects.toThrow(TypeError)
    await expect(opened().store.swap(key, undefined, 'x', 60)).rejects.toThrow(TypeError)
    await expect(opened().store.delete(key)).rejects.toThrow(TypeError)
    expect((await opened().store.get('b'))!.value).toBe('untouched')
  })

  test.each(['..', 'grant:*', 'grant:%', 'a/b', '::', 'x'.repeat(300)])(
    'refuses to list %j',
    async (prefix) => {
      await expect(listed(opened().store, prefix)).rejects.toThrow(TypeError)
    },
  )
}
