import { describe, expect, test } from 'vitest'
import { grantableScope, narrowScope, parseScope } from '../../src/protocol/scope.ts'

const invalidScope = expect.objectContaining({ name: 'OAuthError', code: 'invalid_scope' })

describe('a scope value', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['mcp', ['mcp']],
    ['  a   b a ', ['a', 'b']],
    ['Mcp mcp', ['Mcp', 'mcp']],
    ['https://x.test/a!#$[]~', ['https://x.test/a!#$[]~']],
  ])('%j is the list %j', (text, scopes) => {
    expect(parseScope(text)).toEqual(scopes)
  })

  test.each(['a"b', 'a\\b', 'a\tb', 'a\nb', 'ü', 'a\u00a0b', 'a\0', '\x7f'])('%j is malformed', (text) => {
    expect(() => parseScope(text)).toThrow(invalidScope)
  })

  test('has at most 100 names', () => {
    const names = Array.from({ length: 101 }, (_, index) => `s${index}`)
    expect(parseScope(names.slice(1).join(' '))).toHaveLength(100)
    expect(() => parseScope(names.join(' '))).toThrow(invalidScope)
  })
})

describe('what a client may be granted', () => {
  const rules = { supported: ['read', 'write', 'admin'], fallback: ['read'], offline: true }

  test('is what it asked for and the server knows', () => {
    expect(grantableScope(['write', 'unknown', 'read'], rules)).toEqual(['write', 'read'])
  })

  test('is the fallback where it asked for nothing, or only out of habit', () => {
    expect(grantableScope([], rules)).toEqual(['read'])
    expect(grantableScope(['openid', 'profile', 'email', 'address', 'phone'], rules)).toEqual(['read'])
  })

  test('is nothing where it asked only for what is unknown', () => {
    expect(() => grantableScope(['unknown'], rules)).toThrow(invalidScope)
    expect(() => grantableScope(['openid', 'unknown'], rules)).toThrow(invalidScope)
    expect(() => grantableScope(['READ'], rules)).toThrow(invalidScope)
  })

  test('has offline_access where it asked for that and registered refreshing', () => {
    expect(grantableScope(['offline_access'], rules)).toEqual(['read', 'offline_access'])
    expect(grantableScope(['write', 'offline_access'], rules)).toEqual(['write', 'offline_access'])
    expect(grantableScope(['write', 'offline_access'], { ...rules, offline: false })).toEqual(['write'])
    expect(grantableScope(['write'], rules)).toEqual(['write'])
  })

  test('leaves the fallback of the server as it is', () => {
    const fallback = Object.freeze(['read'])
    expect(grantableScope(['offline_access'], { ...rules, fallback })).not.toBe(fallback)
    expect(fallback).toEqual(['read'])
  })
})

describe('a token request', () => {
  const granted = ['read', 'write', 'offline_access']

  test('gets all that was granted where it names nothing', () => {
    expect(narrowScope(granted, [])).toEqual(granted)
  })

  test('may narrow, in the order of the grant', () => {
    expect(narrowScope(granted, ['write', 'read'])).toEqual(['read', 'write'])
    expect(narrowScope(granted, ['openid', 'write'])).toEqual(['write'])
    expect(narrowScope(granted, ['openid', 'profile']), 'asked of every server').toEqual(granted)
  })

  test('may never widen', () => {
    expect(() => narrowScope(granted, ['read', 'admin'])).toThrow(invalidScope)
    expect(() => narrowScope(granted, ['Read'])).toThrow(invalidScope)
  })
})
