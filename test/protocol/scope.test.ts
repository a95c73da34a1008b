import { describe, expect, test } from 'vitest'
import {
  covers,
  defaultScope,
  grantableScope,
  missingScopes,
  narrowScope,
  parseScope,
  type ScopeTable,
} from '../../src/protocol/scope.ts'
import { resolveImplied } from '../../src/protocol/scope-hierarchy.ts'
import { tableOf } from '../support/scope-table.ts'

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

  test('is nothing if the fallback is empty, and the client asked for no scope or out of habit', () => {
    for (const asked of [[], ['openid'], ['openid', 'offline_access']]) {
      expect(() => grantableScope(asked, { ...rules, fallback: [] })).toThrow(
        expect.objectContaining({ code: 'invalid_scope', reason: 'client-lacks-scope' }),
      )
    }
  })

  test('leaves the fallback of the server as it is', () => {
    const fallback = Object.freeze(['read'])
    expect(grantableScope(['offline_access'], { ...rules, fallback })).not.toBe(fallback)
    expect(fallback).toEqual(['read'])
  })
})

describe('a token request', () => {
  const granted = ['read', 'write', 'offline_access']
  const narrow = (requested: readonly string[], from = granted) =>
    narrowScope(from, requested, tableOf('read', 'write', 'admin'))

  test('gets all that was granted if it names nothing', () => {
    expect(narrow([])).toEqual(granted)
  })

  test('may narrow, in the order of the grant', () => {
    expect(narrow(['write', 'read'])).toEqual(['read', 'write'])
    expect(narrow(['openid', 'write'])).toEqual(['write'])
    expect(narrow(['write', 'offline_access'])).toEqual(['write', 'offline_access'])
  })

  test.each([
    [['openid', 'profile']],
    [['offline_access']],
    [['openid', 'offline_access']],
    [['unknown']],
    [['unknown', 'offline_access']],
  ])('that names nothing useful, %j, gets all that was granted', (requested) => {
    expect(narrow(requested)).toEqual(granted)
  })

  test('drops scopes that do not exist here', () => {
    expect(narrow(['unknown', 'read'])).toEqual(['read'])
    expect(narrow(['READ', 'write'])).toEqual(['write'])
  })

  test('may name a granted scope that no longer exists here', () => {
    expect(narrow(['old'], ['old', 'read'])).toEqual(['old'])
  })

  test('may never widen', () => {
    expect(() => narrow(['read', 'admin'])).toThrow(invalidScope)
    expect(() => narrow(['admin'])).toThrow(invalidScope)
    expect(() => narrow(['admin', 'unknown', 'offline_access'])).toThrow(invalidScope)
  })
})

describe('a client that requests no scope gets', () => {
  const table = (entries: Record<string, { upstream?: string[]; default?: boolean }>): ScopeTable =>
    Object.fromEntries(
      Object.entries(entries).map(([name, meaning]) => [
        name,
        { description: name, upstream: [], ...meaning },
      ]),
    )

  test('the scopes that are marked, with those that the resource requires', () => {
    const marked = table({ use: {}, read: { default: true }, admin: {} })
    expect(defaultScope([], marked)).toEqual(['read'])
    expect(defaultScope(['use'], marked)).toEqual(['use', 'read'])
    expect(defaultScope(['read'], marked)).toEqual(['read'])
  })

  test('a marked scope also if it needs a scope of the provider', () => {
    expect(defaultScope([], table({ code: { upstream: ['repo'], default: true }, admin: {} }))).toEqual([
      'code',
    ])
  })

  test('without marks, what the resource requires', () => {
    expect(defaultScope(['use'], table({ use: {}, admin: {} }))).toEqual(['use'])
  })

  test('without marks and requirements, what needs no scope of the provider, or else everything', () => {
    expect(defaultScope([], table({ read: {}, code: { upstream: ['repo'] } }))).toEqual(['read'])
    expect(defaultScope([], table({ code: { upstream: ['repo'] }, more: { upstream: ['org'] } }))).toEqual([
      'code',
      'more',
    ])
  })
})

describe('a scope that implies others', () => {
  const entry = (implies: string[], upstream: string[] | Record<string, string[]> = []) => ({
    description: 'x',
    upstream,
    implies,
  })
  const named = {
    admin: entry(['write', 'audit'], ['org']),
    write: entry(['read'], ['repo']),
    read: entry([], ['public']),
    audit: entry([]),
    other: entry([]),
  }
  const { table } = resolveImplied(named)

  test('satisfies them, also through each other, and no other scope', () => {
    expect(covers(['admin'], ['read', 'write', 'audit'], table)).toBe(true)
    expect(covers(['write'], ['read'], table)).toBe(true)
    expect(missingScopes(['write', 'other'], ['admin', 'read', 'audit', 'other'], table)).toEqual([
      'admin',
      'audit',
    ])
    expect(covers(['read'], ['write'], table)).toBe(false)
    expect(covers([], ['read'], table)).toBe(false)
    expect(covers(['read'], [], table)).toBe(true)
  })

  test.each(['__proto__', 'constructor', 'toString', 'gone'])(
    'is not %s, which the table does not have',
    (name) => {
      expect(covers([name], ['read'], table)).toBe(false)
      expect(covers([name], [name], table)).toBe(true)
    },
  )

  test('needs of the provider whatever they need', () => {
    expect(new Set(table.admin?.upstream as string[])).toEqual(new Set(['org', 'repo', 'public']))
    expect(table.read?.upstream).toEqual(['public'])
  })

  test('can be given only by providers that can give all of it', () => {
    const { table: several } = resolveImplied({
      broad: entry(['narrow', 'free'], { github: ['repo'], google: ['drive'] }),
      narrow: entry([], { github: ['read:user'] }),
      free: entry([]),
    })
    expect(several.broad?.upstream).toEqual({ github: ['repo', 'read:user'] })
  })

  test('may be narrowed to one of them in a token request, but never the other way', () => {
    expect(narrowScope(['admin', 'offline_access'], ['read'], table)).toEqual(['read'])
    expect(narrowScope(['admin', 'other'], ['other', 'write'], table)).toEqual(['other', 'write'])
    expect(() => narrowScope(['write'], ['admin'], table)).toThrow(invalidScope)
    expect(() => narrowScope(['write'], ['read', 'audit'], table)).toThrow(invalidScope)
  })

  test('is not what a client gets that requests nothing, unless it is marked', () => {
    const free = resolveImplied({ admin: entry(['read']), read: entry([]), other: entry([]) }).table
    expect(defaultScope([], free)).toEqual(['read', 'other'])
    expect(defaultScope([], { ...free, admin: { ...free.admin!, default: true } })).toEqual(['admin'])
    expect(defaultScope(['read'], free)).toEqual(['read'])
  })

  test.each([
    [{ a: entry(['a']) }, 'a'],
    [{ a: entry(['b']), b: entry(['c']), c: entry(['b']) }, 'b'],
  ])('may not lead back to itself', (circular, name) => {
    expect(resolveImplied(circular).circle).toBe(name)
  })
})
