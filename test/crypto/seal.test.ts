import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKeyring, OF_ONE_ISSUER, type SealingPurpose } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'

const [first, second] = ['the first secret of these tests, long', 'the second secret of these tests, long']
const sealer = createSealer(createKeyring([first]), 'https://mcp.test')
const value = { name: 'ü', list: [1, null, { deep: true }] }
const sealed = sealer.seal('grant', 'grant:a:b', value)
const open = (text: string) => sealer.open('grant', 'grant:a:b', text)

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

test('what was sealed opens again', () => {
  expect(open(sealed)).toEqual(value)
  for (const other of [0, '', false, null, [], 'text']) {
    expect(sealer.open('session', '', sealer.seal('session', '', other))).toEqual(other)
  }
})

test('any JSON value comes back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (json, place) => {
      const back = sealer.open('consent', place, sealer.seal('consent', place, json))
      expect(JSON.stringify(back)).toBe(JSON.stringify(json))
    }),
  )
})

test('sealing twice gives two texts, and neither shows the value', () => {
  const again = sealer.seal('grant', 'grant:a:b', value)
  expect(again).not.toBe(sealed)
  expect(atob(again.slice(4).replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('deep')
})

test('no changed character opens', () => {
  for (const index of sealed.split('').keys()) {
    for (const shift of [1, 2, 4, 8, 16, 32]) {
      const other = ALPHABET[ALPHABET.indexOf(sealed[index]!) ^ shift]!
      const changed = sealed.slice(0, index) + other + sealed.slice(index + 1)
      expect(open(changed), `character ${index}, bit ${shift}`).toBeUndefined()
    }
  }
})

test('no shortened, lengthened or otherwise spelled text opens', () => {
  for (const length of sealed.split('').keys()) expect(open(sealed.slice(0, length))).toBeUndefined()
  const plain = sealed.replaceAll('-', '+').replaceAll('_', '/')
  const others = [`${sealed}A`, `${sealed}=`, `${sealed}\n`, ` ${sealed}`, sealed + sealed, `${plain}+`]
  for (const text of others) expect(open(text)).toBeUndefined()
})

test.each(['', 'A', 'AAAA', 'AAAAAAAA', 'x'.repeat(100), 'ü'.repeat(50), '\0', '{"a":1}'])(
  '%j opens nothing',
  (text) => {
    expect(open(text)).toBeUndefined()
  },
)

describe('what was sealed opens nowhere else', () => {
  test.each(['session', 'consent', 'sign-in', 'registration'] as const)(
    'not for the purpose %s',
    (purpose) => {
      expect(sealer.open(purpose, 'grant:a:b', sealed)).toBeUndefined()
    },
  )

  test.each(['', 'grant:a:c', 'grant:a:b ', 'grant:a', 'GRANT:a:b'])('not at the place %j', (place) => {
    expect(sealer.open('grant', place, sealed)).toBeUndefined()
  })

  test('not where purpose and place run into each other', () => {
    const text = sealer.seal('signing-keys', 'x', 1)
    expect(sealer.open('signing-keys', '\nx', text)).toBeUndefined()
    expect(sealer.open('signing-keys', 'signing-keys\nx', text)).toBeUndefined()
  })
})

describe('two deployments with one secret', () => {
  const other = createSealer(createKeyring([first]), 'https://other.test')
  const purposes = Object.entries(OF_ONE_ISSUER) as [SealingPurpose, boolean][]

  test.each(purposes)('what is sealed for %s opens at its issuer alone: %s', (purpose, isBound) => {
    const text = sealer.seal(purpose, 'place', value)
    expect(sealer.open(purpose, 'place', text)).toEqual(value)
    expect(other.open(purpose, 'place', text)).toEqual(isBound ? undefined : value)
  })

  test('all that a sign-in leaves is bound', () => {
    const bound = purposes.filter(([, isBound]) => isBound).map(([purpose]) => purpose)
    const ofSignIn = [
      'consent',
      'sign-in',
      'account-sign-in',
      'client-state',
      'finish',
      'session',
      'approvals',
    ]
    expect(bound).toEqual(ofSignIn)
  })
})

describe('a new secret', () => {
  test('seals from now on, while the old one still opens', () => {
    const rotated = createSealer(createKeyring([second, first]), 'https://mcp.test')
    expect(rotated.open('grant', 'grant:a:b', sealed)).toEqual(value)
    const fresh = rotated.seal('grant', 'grant:a:b', value)
    expect(open(fresh)).toBeUndefined()
    expect(
      createSealer(createKeyring([second]), 'https://mcp.test').open('grant', 'grant:a:b', fresh),
    ).toEqual(value)
  })

  test('opens nothing of a secret that is gone, also under its own name', () => {
    const other = createKeyring([second])
    const stranger = createSealer(other, 'https://mcp.test')
    expect(stranger.open('grant', 'grant:a:b', sealed)).toBeUndefined()
    expect(stranger.open('grant', 'grant:a:b', other.current.id + sealed.slice(4))).toBeUndefined()
  })
})
