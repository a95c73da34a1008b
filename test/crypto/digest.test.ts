import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digest, mac } from '../../src/crypto/digest.ts'

const key = new Uint8Array(32).fill(7)
const text = fc.string({ unit: 'binary', maxLength: 12 })

test('a digest is SHA-256 as base64url', () => {
  for (const value of ['', 'abc', 'ü😀', 'a'.repeat(10_000)]) {
    expect(digest(value)).toBe(createHash('sha256').update(value).digest('base64url'))
  }
})

test('a code is HMAC-SHA256 over its parts with their lengths, and may be cut', () => {
  const whole = createHmac('sha256', key).update('1:a0:2:bc').digest()
  expect(mac(key, ['a', '', 'bc'])).toBe(whole.toString('base64url'))
  expect(mac(key, ['a', '', 'bc'], 16)).toBe(whole.subarray(0, 16).toString('base64url'))
})

test.each([
  [
    ['ab', 'c'],
    ['a', 'bc'],
  ],
  [['ab'], ['a', 'b']],
  [['a'], ['a', '']],
  [
    ['', 'a'],
    ['a', ''],
  ],
  [[], ['']],
  [['1:a'], ['a']],
  [['a1:b'], ['a', 'b']],
  [['a', '2:bc'], ['a2:bc']],
  [
    ['1', '1:1'],
    ['1:1', '1'],
  ],
])('the lists %j and %j have different codes', (one, two) => {
  expect(mac(key, one)).not.toBe(mac(key, two))
})

test('no two different lists of the same concatenation have the same code', () => {
  const cut = fc.tuple(text, fc.nat({ max: 12 }), fc.nat({ max: 12 }))
  fc.assert(
    fc.property(cut, ([whole, a, b]) => {
      const chars = [...whole]
      const parts = (at: number) => [chars.slice(0, at).join(''), chars.slice(at).join('')]
      const [one, two] = [parts(a), parts(b)]
      expect(mac(key, one) === mac(key, two)).toBe(JSON.stringify(one) === JSON.stringify(two))
    }),
  )
  fc.assert(
    fc.property(fc.array(text, { maxLength: 4 }), fc.array(text, { maxLength: 4 }), (one, two) => {
      expect(mac(key, one) === mac(key, two)).toBe(JSON.stringify(one) === JSON.stringify(two))
    }),
  )
})

test('another key gives another code', () => {
  expect(mac(new Uint8Array(32).fill(8), ['a'])).not.toBe(mac(key, ['a']))
})
