import { expect, test } from 'vitest'
import { trimBlanks } from '../../src/http/blanks.ts'
import { fieldText } from '../../src/http/field-text.ts'

const raw = (text: string) => Buffer.from(text).toString('latin1')

test.each(['/mcp/x', '', '/caf\u00e9', '/\u4f60\u597d?\u{1f600}'])(
  'the bytes of %j are read as UTF-8',
  (text) => {
    expect(fieldText(raw(text))).toBe(text)
  },
)

test.each(['/\u00e4', '/\u00c3', '/\u00ed\u00a0\u0080', '/\u00c0\u00af', '/\u0101'])(
  'bytes that are no UTF-8 have no reading: %j',
  (value) => {
    expect(fieldText(value)).toBeUndefined()
  },
)

test('only spaces and tabs are blanks around a value', () => {
  expect(trimBlanks(' \t a b\t ')).toBe('a b')
  for (const blank of ['\u00a0', '\u2003', '\ufeff', '\u000b', '\u000c', '\n'])
    expect(trimBlanks(`${blank}a${blank}`)).toBe(`${blank}a${blank}`)
  expect(trimBlanks(' \t ')).toBe('')
})

test('a long run of blanks is read in one pass', () => {
  const began = performance.now()
  expect(trimBlanks(`a${' '.repeat(200_000)}b`)).toHaveLength(200_002)
  expect(performance.now() - began).toBeLessThan(500)
})
