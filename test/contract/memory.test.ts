import { memory } from 'lockgate/storage/memory'
import { expect, test, vi } from 'vitest'
import { testStore } from './store-contract.ts'

testStore('memory', 'process', async () => ({ store: memory() }))

test('two memories know nothing of each other', async () => {
  const [one, other] = [memory(), memory()]
  await one.set('a', 1, 60)
  expect(await other.get('a')).toBeUndefined()
})

test('what a caller does to a value it got or gave changes nothing in the store', async () => {
  const store = memory()
  const given = { list: [1] }
  await store.set('a', given, 60)
  given.list.push(2)
  ;((await store.get('a'))!.value as typeof given).list.push(3)
  expect((await store.get('a'))!.value).toEqual({ list: [1] })
})

test('expired records leave the memory as others are written', async () => {
  const store = memory()
  const removed = vi.spyOn(Map.prototype, 'delete')
  try {
    for (let index = 0; index < 50; index++) await store.set(`short:${index}`, 'x', 0.02)
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (let index = 0; index < 500; index++) await store.set('long', 'x', 60)
    const keys = removed.mock.calls.map(([key]) => key).filter((key) => String(key).startsWith('short:'))
    expect(new Set(keys).size).toBe(50)
  } finally {
    removed.mockRestore()
  }
})
