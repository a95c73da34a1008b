import { expect, test } from 'vitest'
import { createKeyring, KEY_ID_LENGTH, type Purpose } from '../../src/crypto/keyring.ts'

const [first, second] = ['the first secret of these tests, long', 'the second secret of these tests, long']
const PURPOSES: Purpose[] = [
  'registration',
  'client-secret',
  'consent',
  'sign-in',
  'grant',
  'user',
  'refresh-token',
  'access-token',
]

test('every purpose and every secret has a key of its own', () => {
  const keyring = createKeyring([first, second])
  const keys = keyring.all.flatMap((set) => PURPOSES.map((purpose) => set.key(purpose).join()))
  expect(new Set(keys).size).toBe(2 * PURPOSES.length)
  for (const purpose of PURPOSES) expect(keyring.current.key(purpose)).toHaveLength(32)
})

test('the same secret gives the same keys in every process', () => {
  const [one, two] = [createKeyring([first]).current, createKeyring([first]).current]
  expect(one.id).toBe(two.id)
  for (const purpose of PURPOSES) expect(one.key(purpose)).toEqual(two.key(purpose))
})

test('the first secret is the current one, and each is found by its id', () => {
  const keyring = createKeyring([first, second])
  const [one, two] = [createKeyring([first]).current, createKeyring([second]).current]
  expect(keyring.current.id).toBe(one.id)
  expect(keyring.byId(one.id)?.id).toBe(one.id)
  expect(keyring.byId(two.id)?.key('grant')).toEqual(two.key('grant'))
})

test('no other id finds a key', () => {
  const keyring = createKeyring([first])
  const { id } = createKeyring([second]).current
  for (const other of [id, '', 'AAA', keyring.current.id.slice(1), `${keyring.current.id}A`, 'constructor']) {
    expect(keyring.byId(other)).toBeUndefined()
  }
})

test('an id is short, safe in a URL and shows no part of the secret', () => {
  const { id } = createKeyring([first]).current
  expect(id).toMatch(/^[\w-]+$/)
  expect(id).toHaveLength(KEY_ID_LENGTH)
  expect(createKeyring([`${first} `]).current.id).not.toBe(id)
})
