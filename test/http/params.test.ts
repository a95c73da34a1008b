import { describe, expect, test } from 'vitest'
import { readForm, toParams } from '../../src/http/params.ts'

const params = (query: string) => toParams(new URLSearchParams(query))
const refusal = (message: string, status = 400) =>
  expect.objectContaining({ name: 'OAuthError', code: 'invalid_request', message, status })
const REPEATED = 'A parameter is repeated'

describe('parameters', () => {
  test('are what was sent, and an empty one is absent', () => {
    expect({ ...params('a=1&b=&c=%C3%BC+x&d').fields }).toEqual({ a: '1', c: 'ü x' })
  })

  test.each(['a=1&a=1', 'a=1&a=2', 'a=&a=1', 'a=1&a=', 'a&a', 'a=1&b=2&%61=3', '=1&=2'])(
    'may not repeat: %s',
    (query) => {
      expect(() => params(query)).toThrow(refusal(REPEATED))
    },
  )

  test('may repeat where they name the resource', () => {
    const { fields, resources } = params('resource=b&x=1&resource=&resource=a&resource=b')
    expect(resources).toEqual(['b', 'a', 'b'])
    expect({ ...fields }).toEqual({ x: '1' })
  })

  test('with names of the language are names like any other', () => {
    const { fields } = params('__proto__=a&constructor=b&toString=c&hasOwnProperty=d')
    expect(Object.entries(fields)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['toString', 'c'],
      ['hasOwnProperty', 'd'],
    ])
    expect(({} as { a?: unknown }).a).toBeUndefined()
    expect(() => params('__proto__=a&__proto__=b')).toThrow(refusal(REPEATED))
  })

  test('that were not sent are absent, also under names of the language', () => {
    const { fields } = params('a=1')
    for (const name of ['toString', 'constructor', '__proto__', 'valueOf']) {
      expect(fields[name]).toBeUndefined()
    }
  })

  test('are 200 at most', () => {
    const many = (count: number, name: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => `${name(index)}=1`).join('&')
    const tooMany = refusal('There are too many parameters')
    expect(Object.keys(params(many(200, (index) => `p${index}`)).fields)).toHaveLength(200)
    expect(() => params(many(201, (index) => `p${index}`))).toThrow(tooMany)
    expect(() => params(many(201, () => 'resource'))).toThrow(tooMany)
  })
})

describe('a form', () => {
  const form = (body: BodyInit, type: string | undefined = 'application/x-www-form-urlencoded') =>
    new Request('https://proxy.test/', {
      method: 'POST',
      body,
      headers: type ? { 'content-type': type } : {},
    })

  test.each([
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded;charset=UTF-8',
    'Application/X-WWW-Form-URLEncoded ; charset=utf-8',
  ])('of the type %s is read', async (type) => {
    expect({ ...(await readForm(form('a=%2B+b', type))).fields }).toEqual({ a: '+ b' })
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'x-www-form-urlencoded'])(
    'of the type %s is refused',
    async (type) => {
      await expect(readForm(form('a=1', type))).rejects.toThrow(
        refusal('The body must be application/x-www-form-urlencoded'),
      )
    },
  )

  test('without a body or a type', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const empty = new Request('https://proxy.test/', { method: 'POST', headers: type })
    expect((await readForm(empty)).resources).toEqual([])
    await expect(readForm(new Request('https://proxy.test/', { method: 'POST' }))).rejects.toThrow(
      refusal('The body must be application/x-www-form-urlencoded'),
    )
  })

  test('may not repeat a parameter, nor be over 64 KiB', async () => {
    await expect(readForm(form('a=1&a=2'))).rejects.toThrow(refusal(REPEATED))
    const fits = `a=${'x'.repeat(64 * 1024 - 2)}`
    expect((await readForm(form(fits))).fields.a).toHaveLength(64 * 1024 - 2)
    await expect(readForm(form(`${fits}x`))).rejects.toThrow(refusal('The request body is too large', 413))
  })
})
