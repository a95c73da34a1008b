import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSingleFlight } from '../../src/single-flight.ts'
import { ms } from '../../src/timing.ts'

const never = () => new Promise<string>(() => {})

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('work that several requests wait for', () => {
  test('is done once for all that ask at the same moment, and again for the next', async () => {
    const shared = createSingleFlight<number>()
    let done = 0
    const start = async () => ++done
    expect(await Promise.all([1, 2, 3].map(() => shared.join('key', start)))).toEqual([1, 1, 1])
    expect(await shared.join('key', start)).toBe(2)
    expect(shared.size).toBe(0)
  })

  test('is done by key', async () => {
    const shared = createSingleFlight<string>()
    const results = ['a', 'b'].map((key) => shared.join(key, async () => key))
    expect(shared.size).toBe(2)
    expect(await Promise.all(results)).toEqual(['a', 'b'])
  })

  test('fails for all that wait, and is not remembered', async () => {
    const shared = createSingleFlight<string>()
    const fail = async () => {
      throw new Error('no')
    }
    const all = await Promise.allSettled([shared.join('key', fail), shared.join('key', fail)])
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await shared.join('key', async () => 'yes')).toBe('yes')
  })

  test('belongs to the runtime from its start to its end, also if it fails', async () => {
    const kept: Promise<unknown>[] = []
    const shared = createSingleFlight<string>({ keepAlive: (work) => void kept.push(work) })
    await shared.join('key', async () => 'yes')
    await shared.join('key', async () => Promise.reject(new Error('no'))).catch(() => {})
    expect(kept).toHaveLength(2)
    await expect(Promise.all(kept)).resolves.toBeDefined()
  })

  test('whose first caller was cancelled is started again by one of those who wait, for all of them', async () => {
    const shared = createSingleFlight<string>()
    let started = 0
    void shared.join('key', never)
    const waiting = [1, 2, 3].map(() =>
      shared.join('key', async () => {
        started++
        await new Promise((resolve) => setTimeout(resolve, 50))
        return 'again'
      }),
    )
    await vi.advanceTimersByTimeAsync(ms.singleFlight + 100)
    expect(await Promise.all(waiting)).toEqual(['again', 'again', 'again'])
    expect(started).toBe(1)
    expect(shared.size).toBe(0)
  })

  test('that is left unfinished twice is done alone, and later callers do not wait for it', async () => {
    const shared = createSingleFlight<string>()
    void shared.join('key', never)
    let call = 0
    const start = () => (++call === 1 ? never() : Promise.resolve('alone'))
    const waiting = [1, 2].map(() => shared.join('key', start))
    await vi.advanceTimersByTimeAsync(2 * ms.singleFlight + 2)
    expect(await waiting[1]).toBe('alone')
    expect(await shared.join('key', async () => 'at once')).toBe('at once')
  })

  test('no longer counts once it is overdue', async () => {
    const shared = createSingleFlight<string>()
    void shared.join('key', never)
    expect([shared.has('key'), shared.size]).toEqual([true, 1])
    await vi.advanceTimersByTimeAsync(ms.singleFlight + 1)
    expect([shared.has('key'), shared.size]).toEqual([false, 0])
  })

  test('that was dropped is started again, and its late result does not end the new one', async () => {
    const shared = createSingleFlight<string>()
    let finish: (value: string) => void = () => {}
    const first = shared.join('key', () => new Promise((resolve) => (finish = resolve)))
    shared.drop('key')
    const second = shared.join('key', never)
    finish('late')
    expect(await first).toBe('late')
    await vi.advanceTimersByTimeAsync(1)
    expect(shared.has('key')).toBe(true)
    void second
  })
})
