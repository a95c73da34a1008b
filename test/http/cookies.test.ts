import { describe, expect, test } from 'vitest'
import * as cookieRules from '../../src/http/cookies.ts'

const { foreignCookies, HOST_COOKIES, joinCookies, LOOPBACK_COOKIES } = cookieRules
const PREFIX = '__Host-lockgate-'
const setCookies = (name: string, value: string, maxAge: number) =>
  cookieRules.setCookies(HOST_COOKIES, name, value, maxAge)
const readCookies = (from: Request) => cookieRules.readCookies(from, HOST_COOKIES)
const clearCookies = (from: ReadonlyMap<string, string>, name: string) =>
  cookieRules.clearCookies(HOST_COOKIES, from, name)
const request = (cookie: string) => new Request('https://proxy.test/', { headers: { cookie } })

/** What a browser sends back of the cookies it was told to set. */
const sentBack = (cookies: readonly string[]) => cookies.map((line) => line.split(';', 1)[0]).join('; ')

describe('a cookie', () => {
  test('is bound to this host, to https and away from scripts', () => {
    expect(setCookies('sign-in-a', 'value', 600)).toEqual([
      `${PREFIX}sign-in-a=value; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  test.each([1, 3499, 3500, 3501, 7000, 7001, 20_000])('of %i characters comes back whole', (length) => {
    const value = 'abcdefghi-_'.repeat(length).slice(0, length)
    const cookies = setCookies('big', value, 600)
    expect(cookies).toHaveLength(Math.ceil(length / 3500))
    for (const line of cookies) {
      expect(line.length, 'browsers drop cookies over 4,096 bytes').toBeLessThan(4096)
      expect(line.startsWith(PREFIX)).toBe(true)
    }
    expect(joinCookies(readCookies(request(sentBack(cookies))), 'big')).toBe(value)
    const backwards = sentBack([...cookies].reverse())
    expect(joinCookies(readCookies(request(backwards)), 'big'), 'in any order').toBe(value)
  })

  test('in parts ends at the first that is missing, and is none without the first', () => {
    const parts = setCookies('big', 'a'.repeat(3500) + 'b'.repeat(3500) + 'c'.repeat(10), 600)
    const join = (...kept: number[]) =>
      joinCookies(readCookies(request(sentBack(kept.map((index) => parts[index]!)))), 'big')
    expect(join(0, 2)).toBe('a'.repeat(3500))
    expect(join(1, 2)).toBeUndefined()
  })

  test('is cleared with all its parts, and with nothing else', () => {
    const cookies = readCookies(
      request(sentBack([...setCookies('a', 'x'.repeat(8000), 600), ...setCookies('ab', 'y', 600)])),
    )
    const cleared = clearCookies(cookies, 'a')
    expect(cleared.map((line) => line.split('=', 1)[0])).toEqual([
      `${PREFIX}a`,
      `${PREFIX}a.1`,
      `${PREFIX}a.2`,
    ])
    for (const line of cleared) {
      expect(line).toMatch(/=; Max-Age=0; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    }
    expect(clearCookies(cookies, 'unknown')).toEqual([])
  })
})

test('on loopback over http it needs no secure connection, and is taken for no other', () => {
  const [line] = cookieRules.setCookies(LOOPBACK_COOKIES, 'a', 'value', 600)
  expect(line).toBe('lockgate-a=value; Max-Age=600; Path=/; HttpOnly; SameSite=Lax')
  const sent = request(`lockgate-a=1; ${PREFIX}a=2`)
  expect([...cookieRules.readCookies(sent, LOOPBACK_COOKIES)]).toEqual([['a', '1']])
  expect([...readCookies(sent)]).toEqual([['a', '2']])
})

describe('of the cookies a request carries', () => {
  test('only ours are read', () => {
    const header = `session=1; ${PREFIX}a=2; lockgate-b=3; __host-lockgate-c=4; x${PREFIX}d=5; ${PREFIX}e=6`
    expect([...readCookies(request(header))]).toEqual([
      ['a', '2'],
      ['e', '6'],
    ])
  })

  test('the values are taken as they are, never decoded', () => {
    expect(readCookies(request(`${PREFIX}a=%41%zz`)).get('a')).toBe('%41%zz')
  })

  test.each(['', ';', '=', ';;=;', `${PREFIX}`, 'a', `${PREFIX}=`, '\t', '__proto__=1', 'constructor=1'])(
    '%j holds none of ours',
    (header) => {
      const found = readCookies(request(header))
      expect(joinCookies(found, 'a')).toBeUndefined()
      expect([...found.values()].join('')).toBe('')
    },
  )

  test('those that a runtime joined by commas are read after another one of ours', () => {
    expect([...readCookies(request(`${PREFIX}a=1, ${PREFIX}b=2, c=3; ${PREFIX}d=4, e=5`))]).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['d', '4'],
    ])
  })

  test('one behind a comma of another cookie is not read, because a sibling domain can plant that value', () => {
    expect(readCookies(request(`a=1, ${PREFIX}b=planted`)).size).toBe(0)
    expect([...readCookies(request(`a=1, ${PREFIX}b=planted; ${PREFIX}b=2`))]).toEqual([['b', '2']])
  })

  test('none is fine', () => {
    expect(readCookies(new Request('https://proxy.test/')).size).toBe(0)
  })

  test.each([
    [`a=1; ${PREFIX}x=2; b=3`, 'a=1; b=3'],
    [`${PREFIX}x=2`, ''],
    ['lockgate-x=2; a=1', 'a=1'],
    [`${PREFIX}x=2;${PREFIX}y=3; a=1`, 'a=1'],
    ['a=1;b="2"', 'a=1;b="2"'],
    [`a=${PREFIX}x`, `a=${PREFIX}x`],
    ['', ''],
    // As Workers join several fields.
    [`a=1, ${PREFIX}x=2`, 'a=1'],
    [`a=1, lockgate-x=2, b=3`, 'a=1, b=3'],
    [`${PREFIX}x=2, a=1; b=3`, 'a=1; b=3'],
    [`${PREFIX}x=2, lockgate-y=3, ${PREFIX}z=4`, ''],
    ['a=1, b=2', 'a=1, b=2'],
  ])('%j passes on %j', (header, passed) => {
    expect(foreignCookies(header)).toBe(passed)
  })
})
