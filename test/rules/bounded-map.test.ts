import { describe, expect, test } from 'vitest'
import { createBoundedMap } from '../../src/bounded-map.ts'

describe('a bounded map', () => {
  test('drops the entry that was written longest ago', () => {
    const map = createBoundedMap<string, number>({ entries: 2 })
    map.set('a', 1)
    map.set('b', 2)
    map.set('a', 3)
    map.set('c', 4)
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([3, undefined, 4, 2])
  })

  test('tells what it drops, and only what it drops itself', () => {
    const dropped: [string, number][] = []
    const map = createBoundedMap<string, number>({ entries: 1, onDrop: (...entry) => dropped.push(entry) })
    map.set('a', 1)
    map.set('a', 2)
    expect(map.delete('a')).toBe(true)
    expect(map.delete('a')).toBe(false)
    map.set('b', 3)
    map.set('c', 4)
    expect(dropped).toEqual([['b', 3]])
  })

  test('stays within its bytes, whatever sizes come', () => {
    const map = createBoundedMap<string, string>({
      entries: 100,
      bytes: { limit: 10, of: (_, value) => value.length },
    })
    map.set('a', '1234')
    map.set('b', '1234')
    map.set('a', '123456')
    expect([map.get('a'), map.get('b')]).toEqual(['123456', '1234'])
    map.set('c', '1')
    expect([map.has('b'), map.has('a'), map.has('c')]).toEqual([false, true, true])
    map.delete('a')
    map.set('d', '123456789')
    expect([map.has('c'), map.has('d')]).toEqual([true, true])
  })

  test('keeps no entry that alone exceeds the bytes, and forgets its size', () => {
    const map = createBoundedMap<string, string>({
      entries: 100,
      bytes: { limit: 3, of: (_, value) => value.length },
    })
    map.set('big', '1234')
    expect(map.size).toBe(0)
    map.set('small', '123')
    expect(map.size).toBe(1)
    map.clear()
    map.set('again', '123')
    expect(map.get('again')).toBe('123')
  })
})
