import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTurns } from '../../adapters/storage/turns.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const sleep = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time))

describe('changes of one key', () => {
  test('run one after another in their order, whether one fails or not, and those of other keys at once', async () => {
    const turns = createTurns(() => 1000)
    const log: string[] = []
    const work =
      (name: string, fails = false) =>
      async () => {
        log.push(`${name} begins`)
        await sleep(10)
        log.push(`${name} ends`)
        if (fails) throw new Error(name)
      }
    const all = Promise.allSettled([
      turns.take('key', work('a', true)),
      turns.take('key', work('b')),
      turns.take('key', work('c')),
      turns.take('other', work('d')),
    ])
    await vi.advanceTimersByTimeAsync(50)
    expect((await all).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ])
    expect(log.filter((line) => !line.startsWith('d'))).toEqual([
      'a begins',
      'a ends',
      'b begins',
      'b ends',
      'c begins',
      'c ends',
    ])
    expect(log.indexOf('d begins')).toBeLessThan(log.indexOf('a ends'))
  })

  test('do not wait for one that never ends, nor for those that were dropped while they waited', async () => {
    const turns = createTurns(() => 1000)
    void turns.take('key', () => new Promise(() => {}))
    const next = turns.take('key', async () => 'next')
    const later = turns.take('key', async () => 'later')
    await vi.advanceTimersByTimeAsync(999)
    expect(await Promise.race([next, Promise.resolve('waits')])).toBe('waits')
    await vi.advanceTimersByTimeAsync(2)
    expect(await Promise.all([next, later])).toEqual(['next', 'later'])
    expect(await turns.take('key', async () => 'at once')).toBe('at once')
  })

  test('that end late do not end the turn of another', async () => {
    const turns = createTurns(() => 1000)
    let finish: () => void = () => {}
    const first = turns.take('key', () => new Promise<void>((resolve) => (finish = resolve)))
    const running: string[] = []
    const work = (name: string) => async () => {
      running.push(name)
      expect(running).toHaveLength(1)
      await sleep(100)
      running.pop()
    }
    const second = turns.take('key', work('second'))
    await vi.advanceTimersByTimeAsync(1001)
    finish()
    await first
    const third = turns.take('key', work('third'))
    await vi.advanceTimersByTimeAsync(300)
    await Promise.all([second, third])
  })
})
