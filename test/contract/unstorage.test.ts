import { unstorage } from 'lockgate/storage/unstorage'
import lruCache from 'unstorage/drivers/lru-cache'
import memoryDriver from 'unstorage/drivers/memory'
import { expect, test, vi } from 'vitest'
import { listed } from './key-rules.ts'
import { testStore } from './store-contract.ts'

testStore('unstorage over memory', 'process', async () => ({ store: unstorage(memoryDriver()) }))
testStore('unstorage over lru-cache', 'process', async () => ({
  store: unstorage(lruCache({ max: 10_000 })),
}))

test('says that it is eventual where its user says so', () => {
  expect(unstorage(memoryDriver(), { consistency: 'eventual' }).consistency).toBe('eventual')
})

test('a driver that can only read is refused at once', () => {
  const { getItem, getKeys } = memoryDriver()
  expect(() => unstorage({ getItem, getKeys })).toThrow(TypeError)
})

test('a driver that fails is an error of every operation, whether it throws or answers with the error', async () => {
  const failures = [
    () => Promise.reject(new Error('connection lost')),
    () => {
      throw new Error('connection lost')
    },
    () => Promise.resolve(new Error('connection lost')),
  ]
  for (const fail of failures) {
    const store = unstorage({ getItem: fail, setItem: fail, removeItem: fail, getKeys: fail })
    await expect(store.get('a')).rejects.toThrow()
    await expect(store.set('a', 1, 60)).rejects.toThrow()
    await expect(store.swap('a', undefined, 1, 60)).rejects.toThrow()
    await expect(store.delete('a')).rejects.toThrow()
    await expect(listed(store, 'a')).rejects.toThrow()
  }
})

test('a driver that never answers is an error after five seconds, and does not hold up those that come later', async () => {
  vi.useFakeTimers()
  try {
    const driver = memoryDriver()
    let hangs = true
    const getItem = (key: string) => (hangs ? new Promise(() => {}) : driver.getItem(key))
    const store = unstorage({ ...driver, getItem })
    const refused = expect(store.swap('a', undefined, 1, 60)).rejects.toThrow('did not respond within 5 s')
    await vi.advanceTimersByTimeAsync(5001)
    await refused
    hangs = false
    expect(await store.swap('a', undefined, 1, 60)).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

test('a record of another program is an error, and its message does not quote it', async () => {
  const driver = memoryDriver()
  const store = unstorage(driver)
  await driver.setItem!('a', 'secret-of-another-program', {})
  await expect(store.get('a')).rejects.toThrow(/^(?!.*secret-of-another-program).*did not write/)
  await expect(store.swap('a', undefined, 1, 60)).rejects.toThrow('did not write')
})

test('expired records leave the engine as others are written; what is not ours stays', async () => {
  const driver = memoryDriver()
  const store = unstorage(driver)
  await driver.setItem!('foreign', 'not ours', {})
  for (let index = 0; index < 50; index++) await store.set(`short:${index}`, 'x', 0.02)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await vi.waitFor(
    async () => {
      await store.set('long', 'x', 60)
      expect(await driver.getKeys('', {})).toEqual(
        expect.not.arrayContaining([expect.stringMatching(/^short/)]),
      )
    },
    { timeout: 10_000, interval: 1 },
  )
  expect(driver.getItem('foreign')).toBe('not ours')
  expect((await store.get('long'))?.value).toBe('x')
})
