import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '../../src/crypto/base64url.ts'
import { equal } from '../../src/crypto/compare.ts'
import { randomId } from '../../src/crypto/random.ts'

test('T41: texts are equal where every character is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(equal(a, a)).toBe(true)
      expect(equal(a, b)).toBe(a === b)
    }),
  )
})

test.each([
  ['a', ''],
  ['a', 'A'],
  ['a', 'a '],
  ['a', 'a\0'],
  ['ü', 'u\u0308'],
  ['secret', 'secreT'],
  ['secret', 'secre'],
])('%j is not %j', (a, b) => {
  expect(equal(a, b)).toBe(false)
  expect(equal(b, a)).toBe(false)
})

test('bytes survive base64url, and what is no base64url is nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(toBase64url(bytes)).toMatch(/^[\w-]*$/)
      expect(Buffer.from(fromBase64url(toBase64url(bytes))!)).toEqual(Buffer.from(bytes))
    }),
  )
  for (const text of ['+', '/', 'AA==', 'A A', 'ü', 'AA\n']) expect(fromBase64url(text)).toBeUndefined()
})

test('ids are as long as they say, and never twice the same', () => {
  expect(randomId()).toMatch(/^[\w-]{22}$/)
  expect(randomId(20)).toMatch(/^[\w-]{27}$/)
  expect(new Set(Array.from({ length: 1000 }, () => randomId())).size).toBe(1000)
})
