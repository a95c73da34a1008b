import { randomUUID } from 'node:crypto'
import type { Store } from 'lockgate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listed, type Opened, testKeys } from './key-rules.ts'
import { allowSlowEngines } from './patience.ts'
import { race } from './race.ts'
import { endProcesses, openRemote } from './remote-store.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Returns a key that no other test uses. */
const freshKey = () => `grant:${randomUUID()}:${randomUUID()}`

/**
 * What every store must do. One call makes all the tests.
 *
 * @param options.processes Whether several processes can share the data, through {@link Opened.shared}.
 * @param options.without What is missing on this machine, if anything: the tests are then left out, and it is said.
 */
export function testStore(
  name: string,
  consistency: Store['consistency'],
  open: () => Promise<Opened>,
  options: { processes?: boolean; without?: string | undefined } = {},
): void {
  if (options.without) console.warn(`LEFT OUT: the contract of ${name}, for want of ${options.without}`)
  describe.skipIf(options.without)(`${name}: the contract`, () => {
    allowSlowEngines()
    let opened: Opened
    let store: Store
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(async () => {
      await opened?.close?.()
      endProcesses()
    })

    test('says what its swap guarantees', () => {
      expect(store.consistency).toBe(consistency)
    })

    test('knows nothing of what was never written', async () => {
      expect(await store.get(freshKey())).toBeUndefined()
    })

    test.each([
      ['an object', { a: [1, 'two', null, true], b: { c: {} }, text: 'ünï\u2028\u0000"\\' }],
      ['a text that looks like a number', '12345'],
      ['a text that looks like JSON', '{"version":"x"}'],
      ['null', null],
      ['false', false],
      ['zero', 0],
      ['an empty text', ''],
      ['48 KB', { text: 'x'.repeat(48 * 1024) }],
    ])('gives back %s as it was', async (_name, value) => {
      const key = freshKey()
      await store.set(key, value, 60)
      expect((await store.get(key))?.value).toStrictEqual(value)
    })

    test('gives every write a version of its own, even of the same value', async () => {
      const key = freshKey()
      const versions = new Set<string>()
      for (let round = 0; round < 3; round++) {
        await store.set(key, { same: true }, 60)
        versions.add((await store.get(key))!.version)
        await store.swap(key, (await store.get(key))!.version, { same: true }, 60)
        versions.add((await store.get(key))!.version)
      }
      expect(versions.size).toBe(6)
    })

    test('swaps where the version is right, and only there', async () => {
      const key = freshKey()
      await store.set(key, 'first', 60)
      const { version } = (await store.get(key))!
      expect(await store.swap(key, undefined, 'none expected', 60)).toBe(false)
      expect(await store.swap(key, 'made up', 'wrong', 60)).toBe(false)
      expect(await store.swap(key, '', 'empty', 60)).toBe(false)
      expect((await store.get(key))!.value).toBe('first')
      expect(await store.swap(key, version, 'second', 60)).toBe(true)
      expect(await store.swap(key, version, 'stale', 60)).toBe(false)
      expect((await store.get(key))!.value).toBe('second')
    })

    test('creates by a swap without version only what is not there', async () => {
      const key = freshKey()
      expect(await store.swap(key, 'made up', 'nothing there', 60)).toBe(false)
      expect(await store.get(key)).toBeUndefined()
      expect(await store.swap(key, undefined, 'first', 60)).toBe(true)
      expect(await store.swap(key, undefined, 'second', 60)).toBe(false)
      expect((await store.get(key))!.value).toBe('first')
    })

    test('never swaps back what was deleted, even where it was created again', async () => {
      const key = freshKey()
      await store.set(key, 'first', 60)
      const { version } = (await store.get(key))!
      await store.delete(key)
      expect(await store.get(key)).toBeUndefined()
      expect(await store.swap(key, version, 'back', 60)).toBe(false)
      await store.set(key, 'first', 60)
      expect(await store.swap(key, version, 'back', 60)).toBe(false)
    })

    test('deletes what is not there without complaint', async () => {
      await store.delete(freshKey())
    })

    test('of 50 who swap one version at once, one wins', async () => {
      const key = freshKey()
      await store.set(key, 'start', 60)
      expect(await race(store, key, (await store.get(key))!.version, 50)).toBe(1)
    })

    test('of 50 who create one record at once, one wins', async () => {
      expect(await race(store, freshKey(), undefined, 50)).toBe(1)
    })

    if (options.processes) {
      test('of 60 in three processes, one wins', { timeout: 60_000 }, async () => {
        const { url, runtime } = opened.shared!
        const others = await Promise.all([1, 2, 3].map(() => openRemote(url, runtime)))
        try {
          for (let round = 0; round < 5; round++) {
            const key = freshKey()
            const create = await Promise.all(others.map((other) => other.race(key, undefined, 20)))
            expect(create.reduce((sum, wins) => sum + wins)).toBe(1)
            const { version } = (await store.get(key))!
            const change = await Promise.all(others.map((other) => other.race(key, version, 20)))
            expect(change.reduce((sum, wins) => sum + wins)).toBe(1)
          }
        } finally {
          await Promise.all(others.map((other) => other.close()))
        }
      })
    }

    test('a record expires by our clock, not before and not later', async () => {
      const [key, swapped, kept] = [freshKey(), freshKey(), freshKey()]
      await store.set(key, 'short', 1)
      await store.swap(swapped, undefined, 'short', 1)
      await store.set(kept, 'long', 60)
      const { version } = (await store.get(key))!
      expect((await store.get(swapped))!.value).toBe('short')
      await sleep(1200)
      expect(await store.get(key)).toBeUndefined()
      expect(await store.get(swapped)).toBeUndefined()
      expect(await listed(store, key.slice(0, key.lastIndexOf(':') + 1))).toEqual([])
      expect((await store.get(kept))!.value).toBe('long')
      expect(await store.swap(key, version, 'late', 60)).toBe(false)
      expect(await race(store, key, undefined, 10)).toBe(1)
    })

    test('takes a new end with each write', async () => {
      const key = freshKey()
      await store.set(key, 'short', 1)
      expect(await store.swap(key, (await store.get(key))!.version, 'long', 60)).toBe(true)
      await sleep(1200)
      expect((await store.get(key))!.value).toBe('long')
    })

    testKeys(() => opened)

    test('leaves a whole record after a storm of changes', async () => {
      const key = freshKey()
      const whole = (writer: number) => ({ writer, text: String(writer).repeat(2000), end: writer })
      const storm = Array.from({ length: 60 }, async (_, writer) => {
        const found = await store.get(key)
        if (writer % 10 === 0) await store.delete(key)
        else if (writer % 3 === 0) await store.set(key, whole(writer), 60)
        else await store.swap(key, found?.version, whole(writer), 60)
        const seen = (await store.get(key))?.value as ReturnType<typeof whole> | undefined
        if (seen) expect(seen).toEqual(whole(seen.writer))
      })
      await Promise.all(storm)
      await store.set(key, whole(1), 60)
      expect((await store.get(key))?.value).toEqual(whole(1))
      expect(await store.swap(key, (await store.get(key))!.version, whole(2), 60)).toBe(true)
    })

    test('counts every one of many changes made by reading, deciding and swapping', async () => {
      const key = freshKey()
      await store.set(key, 0, 60)
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let done = 0; done < 3; ) {
            const found = (await store.get(key))!
            if (await store.swap(key, found.version, (found.value as number) + 1, 60)) done++
            else await sleep(Math.random() * 20)
          }
        }),
      )
      expect((await store.get(key))!.value).toBe(24)
    })
  })
}
