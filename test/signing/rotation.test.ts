import { describe, expect, test } from 'vitest'
import { nextKeyFrom, type StoredKey, signingAt, stillNeeded } from '../../src/signing/rotation.ts'

const DAY = 86_400
const rules = { every: 90 * DAY, tokenLife: 600 }
const key = (kid: string, signsFrom: number): StoredKey => ({ jwk: { kid, kty: 'RSA' }, signsFrom })

describe('the rotation of keys', () => {
  test('makes the first key to sign at once', () => {
    expect(nextKeyFrom([], 1000, rules)).toBe(1000)
  })

  test('publishes the next key a day before it signs, and not before', () => {
    const keys = [key('a', 0)]
    expect(nextKeyFrom(keys, 89 * DAY - 1, rules)).toBeUndefined()
    expect(nextKeyFrom(keys, 89 * DAY, rules)).toBe(90 * DAY)
    // After a long silence the next key still gets its day.
    expect(nextKeyFrom(keys, 200 * DAY, rules)).toBe(201 * DAY)
    expect(nextKeyFrom([...keys, key('b', 90 * DAY)], 89 * DAY, rules)).toBeUndefined()
  })

  test('signs with the newest key whose time has come', () => {
    const keys = [key('a', 0), key('b', 100)]
    expect(signingAt(keys, 99)?.jwk.kid).toBe('a')
    expect(signingAt(keys, 100)?.jwk.kid).toBe('b')
  })

  test('keeps an old key until its last token has expired, and a day more', () => {
    const keys = [key('a', 0), key('b', 100)]
    const kids = (now: number) => stillNeeded(keys, now, rules).map(({ jwk }) => jwk.kid)
    expect(kids(100 + 600 + DAY - 1)).toEqual(['a', 'b'])
    expect(kids(100 + 600 + DAY)).toEqual(['b'])
  })
})
