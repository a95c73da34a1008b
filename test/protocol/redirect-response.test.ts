import fc from 'fast-check'
import { expect, test } from 'vitest'
import { withResponse } from '../../src/protocol/redirect-uri.ts'

test('parameters are appended, absent ones left out', () => {
  expect(
    withResponse('https://client.test/cb', { code: 'c', state: undefined, iss: 'https://as.test' }),
  ).toBe('https://client.test/cb?code=c&iss=https%3A%2F%2Fas.test')
})

test.each(['x=1', 'x=%20a+b&x=2', 'a=%C3%BC&b', "q='~!$,;:@/?", 'codes=1&my_state=2', '%zz=1'])(
  'the query %s of the redirect URI stays byte for byte',
  (own) => {
    expect(withResponse(`https://client.test/cb?${own}`, { code: 'c' })).toBe(
      `https://client.test/cb?${own}&code=c`,
    )
  },
)

test.each(['code', 'state', 'iss', 'error', 'error_description', 'error_uri', '%63ode', 'st%61te'])(
  'a stale %s in the redirect URI cannot stand beside the answer',
  (name) => {
    const uri = `https://client.test/cb?a=1&${name}=stale&b=2`
    expect(withResponse(uri, { code: 'c', state: 's' })).toBe('https://client.test/cb?a=1&b=2&code=c&state=s')
  },
)

test('an empty query and a query of stale parameters only leave no trace', () => {
  expect(withResponse('https://client.test/cb?', { code: 'c' })).toBe('https://client.test/cb?code=c')
  expect(withResponse('https://client.test/cb?state=old', { code: 'c' })).toBe(
    'https://client.test/cb?code=c',
  )
})

test('a private-use scheme takes an answer too', () => {
  expect(withResponse('com.example.app:/cb', { code: 'c' })).toBe('com.example.app:/cb?code=c')
})

test.each(['+ & = % ü "', '%2B%26', 'a\r\nb', '#?/', '日本 😀', "it's"])(
  'the state %j comes back as it was',
  (state) => {
    const url = new URL(withResponse('https://client.test/cb?x=1', { code: 'c', state }))
    expect(url.searchParams.getAll('state')).toEqual([state])
    expect(url.hash).toBe('')
  },
)

test('any state comes back exactly once, in printable ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (state) => {
      const answer = withResponse('http://127.0.0.1:1/cb?state=stale', { error: 'access_denied', state })
      expect(answer).toMatch(/^[\x21-\x7e]+$/)
      expect(new URL(answer).searchParams.getAll('state')).toEqual([state])
    }),
  )
})
