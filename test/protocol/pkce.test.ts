import { expect, test } from 'vitest'
import { isChallenge, isVerifier, provesPossession } from '../../src/protocol/pkce.ts'

/** RFC 7636, appendix B. */
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

test('the example of the standard holds', () => {
  expect(isVerifier(verifier)).toBe(true)
  expect(isChallenge(challenge)).toBe(true)
  expect(provesPossession(verifier, challenge)).toBe(true)
})

test('only the verifier proves possession', () => {
  for (const other of [challenge, verifier.toLowerCase(), `${verifier}=`, verifier.slice(1), '']) {
    expect(provesPossession(other, challenge)).toBe(false)
  }
  expect(provesPossession(verifier, `${challenge}=`)).toBe(false)
  expect(provesPossession(verifier, verifier), 'the plain method is not served').toBe(false)
})

test.each([
  ['42 characters', 'a'.repeat(42), false],
  ['43 characters', 'a'.repeat(43), true],
  ['128 characters', 'a'.repeat(128), true],
  ['129 characters', 'a'.repeat(129), false],
  ['every unreserved mark', `${'a'.repeat(43)}-._~`, true],
  ['a plus sign', `${'a'.repeat(43)}+`, false],
  ['a line feed at the end', `${'a'.repeat(43)}\n`, false],
  ['a letter beyond ASCII', `${'a'.repeat(43)}ü`, false],
])('a verifier of %s: %s', (_name, text, valid) => {
  expect(isVerifier(text)).toBe(valid)
})

test.each([
  ['42 characters', challenge.slice(1), false],
  ['44 characters', `${challenge}a`, false],
  ['padding', `${challenge}=`, false],
  ['plain base64', challenge.replace('-', '+'), false],
  ['a line feed at the end', `${challenge}\n`, false],
  ['unreserved marks of a verifier', challenge.replace('-', '~'), false],
])('a challenge of %s is none', (_name, text, valid) => {
  expect(isChallenge(text)).toBe(valid)
})
