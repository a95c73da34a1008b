import { afterEach, expect, test, vi } from 'vitest'
import { createFetched, type Fetched } from '../../src/http/fetch-cache.ts'
import { scaleTiming } from '../../src/timing.ts'

afterEach(() => scaleTiming(1))

const busy = expect.objectContaining({ code: 'temporarily_unavailable', reason: 'client-metadata-busy' })
const FRESH: Fetched<string> = { value: 'document', freshFor: 300 }

/** A cache whose fetches end when the test says so. */
function setUp() {
  const ends = new Map<string, { good(): void; fail(): void }>()
  const load = vi.fn(
    (url: string) =>
      new Promise<Fetched<string>>((resolve, reject) => {
        ends.set(url, { good: () => resolve(FRESH), fail: () => reject(new TypeError('it failed')) })
      }),
  )
  return { load, ends, fetched: createFetched<string>(() => 1000, load) }
}

const at = (n: number) => `https://h${n}.example/c.json`
const settled = () => new Promise((resolve) => setTimeout(resolve))

test('requests for one address share a fetch, and its value is kept', async () => {
  const { fetched, load, ends } = setUp()
  const both = [fetched(at(1), { address: 'a' }), fetched(at(1), { address: 'b' })]
  ends.get(at(1))!.good()
  expect(await Promise.all(both)).toEqual(['document', 'document'])
  expect(await fetched(at(1))).toBe('document')
  expect(load).toHaveBeenCalledTimes(1)
})

test('one address of a caller has few fetches under way, however many hosts it names', async () => {
  const { fetched, ends } = setUp()
  for (let n = 0; n < 4; n++) void fetched(at(n), { address: 'attacker' }).catch(() => {})
  await expect(fetched(at(4), { address: 'attacker' })).rejects.toThrow(busy)
  void fetched(at(5), { address: 'honest' }).catch(() => {})
  expect(ends.has(at(5)), 'another caller is not concerned').toBe(true)
  ends.get(at(0))!.fail()
  await settled()
  void fetched(at(6), { address: 'attacker' }).catch(() => {})
  expect(ends.has(at(6)), 'a slot is free once its work has ended').toBe(true)
})

test('one host has few fetches under way, whoever causes them', async () => {
  const { fetched } = setUp()
  for (let n = 0; n < 4; n++) void fetched(`https://one.example/${n}`, { address: `a${n}` }).catch(() => {})
  await expect(fetched('https://one.example/4', { address: 'a4' })).rejects.toThrow(busy)
})

test('hosts that responded before keep room when strangers fill the rest', async () => {
  const { fetched, ends } = setUp()
  const first = fetched(at(0), { address: 'honest' })
  ends.get(at(0))!.good()
  await first
  for (let n = 1; n <= 30; n++) void fetched(at(n), { address: `a${n}` }).catch(() => {})
  await expect(fetched(at(31), { address: 'b' })).rejects.toThrow(busy)
  const again = fetched('https://h0.example/other.json', { address: 'c' })
  ends.get('https://h0.example/other.json')!.good()
  expect(await again).toBe('document')
})

test('a slot stays taken as long as the work goes on', async () => {
  const { fetched, load } = setUp()
  for (let n = 0; n < 40; n++) void fetched(at(n % 30), { address: `a${n}` }).catch(() => {})
  await settled()
  await expect(fetched(at(99))).rejects.toThrow(busy)
  expect(load).toHaveBeenCalledTimes(30)
})

test('work that a runtime dropped with its request frees its slot, and a waiter starts it again', async () => {
  scaleTiming(0.01)
  const { fetched, load, ends } = setUp()
  for (let n = 0; n < 4; n++) void fetched(at(n), { address: 'a' }).catch(() => {})
  const waiting = fetched(at(0), { address: 'b' })
  expect(load).toHaveBeenCalledTimes(4)
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(load).toHaveBeenCalledTimes(5)
  ends.get(at(0))!.good()
  expect(await waiting).toBe('document')
  void fetched(at(9), { address: 'a' }).catch(() => {})
  expect(load).toHaveBeenCalledTimes(6)
})

test('work is told to the runtime, so that it goes on after the response', async () => {
  const kept: Promise<unknown>[] = []
  const load = async () => Promise.reject(new TypeError('it failed'))
  const fetched = createFetched<string>(
    () => 1000,
    load,
    (work) => void kept.push(work),
  )
  await fetched(at(1)).catch(() => {})
  await expect(Promise.all(kept)).resolves.toHaveLength(1)
})

test('an address that fails again and again is left alone for a while', async () => {
  let time = 1000
  const fetched = createFetched<string>(
    () => time,
    async () => {
      throw new TypeError('it failed')
    },
  )
  for (let n = 0; n < 2; n++) await expect(fetched(at(1))).rejects.toThrow('it failed')
  await expect(fetched(at(1))).rejects.toThrow(busy)
  time += 1
  await expect(fetched(at(1))).rejects.toThrow('it failed')
})
