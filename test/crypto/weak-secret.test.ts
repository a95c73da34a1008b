import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isGuessable } from '../../src/crypto/weak-secret.ts'

describe('a secret is called guessable', () => {
  test.each([
    'x'.repeat(40),
    '0123456789'.repeat(5),
    'correct horse '.repeat(5),
    'aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb',
    'a-secret-of-32-characters-change-me',
    'this-is-only-an-example-secret-1234',
    'your-secret-goes-here-3f9a7c2e1b8d4a60',
  ])('%s', (secret) => {
    expect(isGuessable(secret)).toBe(true)
  })

  test('never where it was drawn: as text of base64url, of hex, or of digits', () => {
    const drawn = (length: number, alphabet: string) =>
      fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length, size: 'max' })
    const hex = '0123456789abcdef'
    fc.assert(
      fc.property(fc.noShrink(drawn(64, hex)), fc.noShrink(drawn(48, '0123456789')), (a, b) => {
        expect(isGuessable(a.join(''))).toBe(false)
        expect(isGuessable(b.join(''))).toBe(false)
      }),
    )
    for (let n = 0; n < 2000; n++) {
      expect(isGuessable(Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'))).toBe(
        false,
      )
    }
  })
})
