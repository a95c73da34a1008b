import { describe, expect, test } from 'vitest'
import { stateOf, stateOfGrant } from '../../src/connections/token-state.ts'
import { randomId } from '../../src/crypto/random.ts'

const at = (expiresAt: number | undefined, obtainedAt?: number) => ({
  accessToken: 't',
  expiresAt,
  obtainedAt,
})

describe('a token', () => {
  test.each([
    [3600, 'fresh'],
    [61, 'fresh'],
    [60, 'stale'],
    [6, 'stale'],
    [5, 'expired'],
    [0, 'expired'],
    [-100, 'expired'],
  ])('of an hour with %i s left is %s', (left, state) => {
    expect(stateOf(at(1000 + left, 1000 + left - 3600), 1000, 0)).toBe(state)
  })

  test.each([
    [60, 31, 'fresh'],
    [60, 30, 'stale'],
    [60, 6, 'stale'],
    [60, 5, 'expired'],
    [10, 6, 'fresh'],
    [10, 2, 'stale'],
    [10, 1, 'expired'],
  ])('of %i s with %i s left is %s: a short one is not stale from the start', (life, left, state) => {
    expect(stateOf(at(1000 + left, 1000 + left - life), 1000, 0)).toBe(state)
  })

  test('without an expiry is used until it is refused', () => {
    expect(stateOf(at(undefined), 1e12, 1)).toBe('fresh')
  })
})

test('tokens of many grants that were issued together become stale over half a minute', () => {
  const grants = Array.from({ length: 1000 }, () => ({ user: randomId(), id: randomId() }))
  const staleAt = (left: number) =>
    grants.filter((key) => stateOfGrant(key, at(10_000, 6400), 10_000 - left) === 'stale').length
  expect(staleAt(91)).toBe(0)
  expect(staleAt(75)).toBeGreaterThan(300)
  expect(staleAt(75)).toBeLessThan(700)
  expect(staleAt(60)).toBe(1000)
})
