import { describe, expect, test } from 'vitest'
import type { Grant } from '../../src/grants/grant.ts'
import { decodeGrant, encodeGrant } from '../../src/grants/record.ts'

const common = {
  client: 'client',
  clientName: 'A client',
  resource: 'https://proxy.test/mcp',
  scope: ['read'],
  refreshes: true,
  createdAt: 1,
  expiresAt: 2,
  endsAt: 3,
  generation: 1,
  rotatedAt: 1,
  epoch: 0,
  identity: 'sealed identity',
}
const code = { hash: 'digest', challenge: 'challenge' }
const signIn = { type: 'sign-in', provider: 'oidc', code } as const

const simple: Grant = { ...common, origin: signIn, connections: { oidc: { sealed: 'tokens' } } }
const encode = (grant: Grant) => encodeGrant(grant, () => 'no tokens')
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('a grant that an older build can hold', () => {
  test('is written in format 1', () => {
    expect(encode(simple)).toEqual({ format: 1, ...common, code, provider: 'oidc', upstream: 'tokens' })
    expect(encode({ ...simple, connections: {} })).toMatchObject({ format: 1, upstream: 'no tokens' })
    expect(encode({ ...common, origin: { type: 'client' }, connections: {} })).toMatchObject({
      format: 1,
      ownClient: true,
      upstream: 'no tokens',
    })
  })

  test.each<[string, Grant]>([
    ['with tokens', simple],
    [
      'that is being refreshed',
      { ...simple, connections: { oidc: { sealed: 't', leasedUntil: 9, askedAt: 8 } } },
    ],
    [
      'with a code',
      { ...simple, origin: { ...signIn, code: { ...code, redirectUri: 'https://client.test/' } } },
    ],
    ['of a client', { ...common, origin: { type: 'client' }, connections: {} }],
  ])('%s is read as it was written', (_name, grant) => {
    expect(decodeGrant(stored(encode(grant)))).toEqual(grant)
  })

  test('keeps the members of a record that this build does not know', () => {
    const read = decodeGrant({ ...encode(simple), later: { some: 'thing' } }) as Grant
    expect(encode(read)).toMatchObject({ later: { some: 'thing' } })
  })

  test('is read from a record that names no provider, and stays so', () => {
    const { provider: _, ...old } = encode(simple) as unknown as Record<string, unknown>
    const read = decodeGrant(old) as Grant
    expect(read.origin).toEqual({ type: 'sign-in', code })
    expect(encode(read)).toEqual(old)
  })
})

describe('a grant that an older build cannot hold', () => {
  test.each<[string, Grant]>([
    [
      'of an assertion',
      { ...common, origin: { type: 'assertion', issuer: 'https://issuer.test' }, connections: {} },
    ],
    [
      'of two providers',
      { ...simple, connections: { oidc: { sealed: 'a' }, github: { sealed: 'b', askedAt: 4 } } },
    ],
    ['with tokens of another provider only', { ...simple, connections: { github: { sealed: 'b' } } }],
  ])('%s is written in format 2, and read as it was written', (_name, grant) => {
    expect(encode(grant)).toEqual({ format: 2, ...grant })
    expect(decodeGrant(stored(encode(grant)))).toEqual(grant)
  })
})

describe('anything else', () => {
  const one = encode(simple) as unknown as Record<string, unknown>
  const two = { format: 2, ...simple } as unknown as Record<string, unknown>

  test.each([
    undefined,
    null,
    'text',
    7,
    true,
    [],
    {},
    [one],
    { format: 1 },
    { format: '1' },
    { ...one, format: 0 },
  ])('%j is not a grant', (value) => {
    expect(decodeGrant(value)).toBeUndefined()
  })

  test.each(Object.keys(common).filter((name) => name !== 'endsAt'))('without %s is not a grant', (name) => {
    expect(decodeGrant({ ...one, [name]: undefined })).toBeUndefined()
    expect(decodeGrant({ ...one, [name]: { odd: 1 } })).toBeUndefined()
  })

  test.each([
    { code: undefined },
    { code: null },
    { code: { hash: 1, challenge: '' } },
    { upstream: 7 },
    { scope: [1] },
  ])('with %j is not a grant', (change) => {
    expect(decodeGrant({ ...one, ...change })).toBeUndefined()
  })

  test.each([
    { origin: { type: 'later' } },
    { origin: null },
    { connections: null },
    { connections: { a: {} } },
  ])('of format 2 with %j was written by a later build', (change) => {
    expect(decodeGrant({ ...two, ...change })).toBe('newer')
  })

  test('of a later format was written by a later build', () => {
    expect(decodeGrant({ format: 3 })).toBe('newer')
  })
})
