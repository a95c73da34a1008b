import { describe, expect, test } from 'vitest'
import { at } from '../../src/providers/parts/pointer.ts'

describe('a pointer', () => {
  const claims = {
    emails: ['ada@example.com', 'other@example.com'],
    'https://example.com/id': { sub: '7' },
    a: { b: 1 },
    'a.b': { c: 2 },
  }

  test.each([
    ['emails.0', 'ada@example.com'],
    [['emails', '1'], 'other@example.com'],
    ['emails.2', undefined],
    ['emails.length', undefined],
    ['emails.constructor', undefined],
    ['https://example.com/id.sub', '7'],
    [['https://example.com/id', 'sub'], '7'],
    ['a.b', 1],
    ['a.b.c', 2],
    ['a.c', undefined],
  ])('%j leads to an element of a list by its index, and to names with dots', (pointer, value) => {
    expect(at(claims, pointer)).toBe(value)
  })
})
