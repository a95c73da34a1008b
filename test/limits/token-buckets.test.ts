import { expect, test } from 'vitest'
import { createRecent, createTokenBuckets } from '../../src/limits/token-buckets.ts'

const rule = { name: 'failures', limit: 2, window: 60 } as const

test('one kind of key cannot push out another', () => {
  const buckets = createTokenBuckets(() => 1000)
  const take = (kind: string, key: string) => buckets.take(kind, key, rule).allowed
  expect([take('failures', 'a'), take('failures', 'a'), take('failures', 'a')]).toEqual([true, true, false])
  for (let n = 0; n < 50_000; n++) take('client', `made-up-${n}`)
  expect(take('failures', 'a')).toBe(false)
})

test('a key that is over its limit stays so in a flood of others of its kind', () => {
  const buckets = createTokenBuckets(() => 1000)
  const take = (key: string) => buckets.take('failures', key, rule).allowed
  expect([take('a'), take('a'), take('a')]).toEqual([true, true, false])
  for (let n = 0; n < 50_000; n++) take(`made-up-${n}`)
  expect(take('a')).toBe(false)
})

test('its limit fills again as time passes, in a flood too', () => {
  let now = 1000
  const buckets = createTokenBuckets(() => now)
  const take = (key: string) => buckets.take('failures', key, rule).allowed
  expect([take('a'), take('a'), take('a')]).toEqual([true, true, false])
  for (let n = 0; n < 50_000; n++) take(`made-up-${n}`)
  now += 30
  expect([take('a'), take('a')]).toEqual([true, false])
  for (let n = 0; n < 50_000; n++) take(`others-${n}`)
  now += 30
  expect([take('a'), take('a')]).toEqual([true, false])
})

test.each([0.001, 1, 30, 60])('a bucket that is full stays full if the clock steps back by %d s', (back) => {
  let now = 1000
  const buckets = createTokenBuckets(() => now)
  const take = () => buckets.take('user', 'a', rule).allowed
  expect([take(), take(), take()]).toEqual([true, true, false])
  now -= back
  expect([take(), take(), take()]).toEqual([false, false, false])
  now += 30
  expect([take(), take()]).toEqual([true, false])
})

test('no caller waits longer than a window after a clock was set back', () => {
  let now = 100_000
  const buckets = createTokenBuckets(() => now)
  const take = () => buckets.take('user', 'a', rule).allowed
  expect([take(), take(), take()]).toEqual([true, true, false])
  now -= 3600
  expect([take(), take(), take()]).toEqual([true, true, false])
})

test('a map of recent entries keeps the newest, and never more than twice its size', () => {
  const recent = createRecent<number>(10)
  for (let n = 0; n < 1000; n++) recent.set(`key ${n}`, n)
  const kept = Array.from({ length: 1000 }, (_, n) => recent.get(`key ${n}`)).filter(
    (one) => one !== undefined,
  )
  expect(kept.length).toBeLessThanOrEqual(20)
  for (let n = 990; n < 1000; n++) expect(recent.get(`key ${n}`)).toBe(n)
})
