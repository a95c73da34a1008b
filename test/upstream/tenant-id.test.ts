import fc from 'fast-check'
import type { Provider } from 'lockgate/providers/define'
import { google } from 'lockgate/providers/google'
import { microsoft } from 'lockgate/providers/microsoft'
import { oauth2 } from 'lockgate/providers/oauth2'
import { slack } from 'lockgate/providers/slack'
import { describe, expect, test } from 'vitest'
import { differentFunction, tenantId } from '../../src/upstream/tenant-id.ts'

const application = { clientId: 'one', clientSecret: 'a secret' }
const [ACME, BOLT] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
const entra = (tenants?: string) => microsoft({ ...application, tenant: 'organizations', tenants })
const endpoints = {
  authorizationEndpoint: 'https://login.test/authorize',
  tokenEndpoint: 'https://login.test/token',
  userinfoEndpoint: 'https://login.test/me',
}

describe('the id of a tenant', () => {
  test.each<[string, Provider, Provider]>([
    ['the directories of Microsoft', entra(ACME), entra(BOLT)],
    ['one directory and all', entra(ACME), entra()],
    [
      'the domain of Google',
      google({ ...application, hd: 'acme.test' }),
      google({ ...application, hd: 'bolt.test' }),
    ],
    ['a domain and none', google({ ...application, hd: 'acme.test' }), google(application)],
    ['any domain and one', google({ ...application, hd: '*' }), google({ ...application, hd: 'acme.test' })],
    [
      'a hint',
      slack({ ...application, params: { team: 'T1' } }),
      slack({ ...application, params: { team: 'T2' } }),
    ],
    [
      'the subject',
      oauth2({ ...application, ...endpoints }),
      oauth2({ ...application, ...endpoints, identity: { subject: 'mail' } }),
    ],
    ['the option `id`', google({ ...application, id: 'a' }), google({ ...application, id: 'b' })],
  ])('differs with %s', (_name, one, other) => {
    expect(tenantId(one)).not.toBe(tenantId(other))
  })

  test('differs with every value that an operator gives to what decides', () => {
    const text = fc.string({ minLength: 1 })
    const overrides = fc.record(
      {
        requiredClaims: fc.dictionary(text, text),
        params: fc.dictionary(text, text),
        tokenParams: fc.dictionary(text, text),
        resource: text,
        headers: fc.dictionary(text, text),
        memberships: fc.record({ userinfo: fc.boolean() }),
        identity: fc.record(
          { subject: text, tenant: text, groups: fc.array(text) },
          { requiredKeys: ['subject'] },
        ),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(overrides, overrides, (one, other) => {
        const make = (parts: object): Provider => ({ ...google(application), ...parts })
        const isEqual = JSON.stringify(sorted(make(one))) === JSON.stringify(sorted(make(other)))
        expect(tenantId(make(one)) === tenantId(make(other))).toBe(isEqual)
      }),
      { numRuns: 500 },
    )
  })

  test('stays with a new secret, a new name, other scopes, and options in another order', () => {
    const params = { a: '1', b: '2' }
    const same = [
      google({ ...application, params }),
      google({
        ...application,
        params: { b: '2', a: '1' },
        clientSecret: 'another',
        name: 'G',
        scopes: ['openid'],
      }),
    ]
    expect(new Set(same.map(tenantId)).size).toBe(1)
  })

  test('leaves functions to a comparison, which takes only the same one', () => {
    const [one, other] = [slack(application), slack(application)]
    expect(differentFunction(one, other)).toBeUndefined()
    expect(differentFunction(one, { ...other, identify: async () => ({}) as never })).toBe('identify')
    const verify = async () => true
    expect(differentFunction(one, { ...other, callback: { verify } })).toBe('callback')
    expect(
      differentFunction({ ...one, callback: { verify } }, { ...other, callback: { verify } }),
    ).toBeUndefined()
  })
})

/** The same value with its members in the order of their names. */
const sorted = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => [name, sorted(member)])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
