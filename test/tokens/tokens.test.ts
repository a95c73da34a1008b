import { EncryptJWT, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import {
  formatGrantKey,
  newGrantKey,
  parseGrantKey,
  recordKey,
  userKey,
  userPrefix,
} from '../../src/grants/grant-key.ts'
import { type AccessClaims, createAccessTokens } from '../../src/tokens/access-token.ts'
import { newCode, parseCode } from '../../src/tokens/codes.ts'
import { parseRefreshToken, refreshToken } from '../../src/tokens/refresh-token.ts'

const [first, second] = ['the first secret of these tests, long', 'the second secret of these tests, long']
const keyring = createKeyring([first])
const key = { user: 'u'.repeat(22), id: 'i'.repeat(22) }
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Every text that differs in one character, by a bit that no base64url text can spare. */
const flips = (text: string): string[] =>
  text.split('').map((char, at) => {
    const other = char === '.' ? 'A' : ALPHABET[ALPHABET.indexOf(char) ^ 32]
    return text.slice(0, at) + other + text.slice(at + 1)
  })

describe('a user', () => {
  const identity = { issuer: 'https://provider.test', subject: 'ada', claims: {} }

  test('has one key per issuer, tenant and subject, that shows none of them', () => {
    const keys = [
      identity,
      { ...identity, issuer: 'https://other.test' },
      { ...identity, tenant: 't' },
      { ...identity, subject: 'Ada' },
      { ...identity, tenant: 'ada', subject: '' },
    ].map((one) => userKey(keyring, one))
    expect(new Set(keys).size).toBe(keys.length)
    for (const text of keys) expect(text).toMatch(/^[\w-]{22}$/)
    expect(userKey(keyring, { ...identity, email: 'ada@example.com', name: 'Ada' })).toBe(keys[0])
  })

  test('keeps it when a new secret comes in front', () => {
    const before = userKey(keyring, identity)
    expect(userKey(createKeyring([second, first]), identity)).toBe(before)
    expect(userKey(createKeyring([second]), identity)).not.toBe(before)
  })
})

describe('a grant', () => {
  test('is found again by its name, and lies under its user', () => {
    const fresh = newGrantKey(key.user)
    expect(parseGrantKey(formatGrantKey(fresh))).toEqual(fresh)
    expect(recordKey(fresh).startsWith(userPrefix(key.user))).toBe(true)
  })

  test.each([
    '',
    'a.b',
    `${key.user}.`,
    `${key.user}.${key.id}.`,
    `${key.user}.${key.id}\n`,
    `${key.user}:${key.id}`,
  ])('%j names none', (text) => {
    expect(parseGrantKey(text)).toBeUndefined()
  })
})

describe('a code', () => {
  test('leads to its grant, which keeps only a digest of it', () => {
    const { code, hash } = newCode(key)
    expect(parseCode(code)).toEqual({ key, secretHash: hash })
    expect(hash).toBe(digest(code.split('.')[2]!))
    expect(code).not.toContain(hash)
    expect(newCode(key).code).not.toBe(code)
  })

  test('of another form is none', () => {
    const { code } = newCode(key)
    const others = [
      '',
      '.',
      '..',
      `${code}A`,
      code.slice(1),
      ` ${code}`,
      `${code}\n`,
      code.replaceAll('.', ':'),
    ]
    for (const text of [...others, refreshToken(keyring, key, 1)]) expect(parseCode(text)).toBeUndefined()
  })
})

describe('a refresh token', () => {
  const token = refreshToken(keyring, key, 7)
  const parse = (text: string) => parseRefreshToken(keyring, text)

  test('is derived: whoever makes it again makes the same', () => {
    expect(refreshToken(createKeyring([first]), { ...key }, 7)).toBe(token)
    expect(refreshToken(keyring, key, 8)).not.toBe(token)
    expect(refreshToken(keyring, { ...key, id: 'j'.repeat(22) }, 7)).not.toBe(token)
    expect(parse(token)).toEqual({ key, generation: 7 })
  })

  test('with any character changed is none', () => {
    for (const changed of flips(token)) expect(parse(changed)).toBeUndefined()
  })

  test('has one spelling', () => {
    const [user, id, generation, seal] = token.split('.')
    const others = [`0${generation}`, `00${generation}`, `+${generation}`, '7.0', '7e0', '0x7', '', ' 7', '٧']
    for (const other of others) expect(parse(`${user}.${id}.${other}.${seal}`)).toBeUndefined()
    for (const text of [`${token}=`, `${token}.`, ` ${token}`, `${token}\n`, token.slice(0, -1), '']) {
      expect(parse(text)).toBeUndefined()
    }
  })

  test('does not lend its code to another generation', () => {
    const [user, id, , seal] = token.split('.')
    for (const generation of ['0', '6', '8', '70', '9999999999', '99999999999']) {
      expect(parse(`${user}.${id}.${generation}.${seal}`)).toBeUndefined()
    }
  })

  test('of an older secret is still known, of an unknown one is not', () => {
    expect(parseRefreshToken(createKeyring([second, first]), token)).toEqual({ key, generation: 7 })
    expect(parseRefreshToken(createKeyring([second]), token)).toBeUndefined()
  })
})

describe('an access token', () => {
  const now = 1_800_000_000
  const issuer = 'https://proxy.test'
  const claims: AccessClaims = {
    key,
    epoch: 3,
    client: 'client',
    resource: `${issuer}/mcp`,
    scope: ['read', 'write'],
    issuedAt: now,
    expiresAt: now + 3600,
  }
  const sealer = createSealer(keyring, 'https://mcp.test')
  const tokens = createAccessTokens(sealer, issuer)
  const open = (token: string, at = now) => tokens.open(token, at)
  const { id: kid, key: keyOf } = keyring.current
  const payload = { gid: formatGrantKey(key), epoch: 3, client_id: 'client', scope: 'read write' }
  const times = { iat: now, exp: now + 60 }

  const whole = JSON.stringify({ aud: claims.resource, ...times, ...payload })

  /** A token made by hand with the right key; the changes decide whether it is one. */
  const forge = (change: Record<string, unknown> = {}) =>
    sealer.seal('access-token', issuer, { ...JSON.parse(whole), ...change })

  test('says what was put in, and shows nothing of it', () => {
    const token = tokens.issue(claims)
    expect(open(token)).toEqual(claims)
    expect(token).not.toBe(tokens.issue(claims))
    expect(token).toMatch(/^[\w-]+$/)
    expect(Buffer.from(token.slice(4), 'base64url').toString()).not.toContain('client')
    expect(open(forge())).toMatchObject({ epoch: 3, client: 'client' })
  })

  test('ends with its second', () => {
    const token = tokens.issue(claims)
    expect(open(token, now + 3599)).toEqual(claims)
    expect(open(token, now + 3600)).toBeUndefined()
  })

  test('of an older secret is still known, of an unknown one or another issuer is not', () => {
    const token = tokens.issue(claims)
    const opens = (secrets: [string, ...string[]], by = issuer) =>
      createAccessTokens(createSealer(createKeyring(secrets), 'https://mcp.test'), by).open(token, now)
    expect(opens([second, first])).toEqual(claims)
    expect(opens([second])).toBeUndefined()
    expect(opens([first], `${issuer}/`)).toBeUndefined()
    expect(opens([first], 'https://other.test')).toBeUndefined()
  })

  test('has one spelling, also where a decoder would not look', () => {
    const token = tokens.issue(claims)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const opened = []
    for (const last of alphabet) opened.push(open(token.slice(0, -1) + last))
    expect(opened.filter(Boolean)).toHaveLength(1)
    for (const odd of [`${token}\n`, ` ${token}`, `${token}=`]) expect(open(odd)).toBeUndefined()
  })

  test('with a changed character in any part is none', () => {
    const token = tokens.issue(claims)
    for (const changed of flips(token)) expect(open(changed)).toBeUndefined()
  })

  test.each<[string, () => string | Promise<string>]>([
    ['no text', () => ''],
    ['dots', () => '....'],
    ['a refresh token', () => refreshToken(keyring, key, 1)],
    ['a code', () => newCode(key).code],
    [
      'an unsecured JWT',
      () =>
        [
          { alg: 'none', typ: 'at+jwt', kid },
          { iss: issuer, aud: claims.resource, exp: now + 60, ...payload },
        ]
          .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
          .concat('')
          .join('.'),
    ],
    [
      'a JWT signed with the very key',
      () =>
        new SignJWT({ iss: issuer, aud: claims.resource, iat: now, exp: now + 60, ...payload })
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
          .sign(keyOf('access-token')),
    ],
    [
      'a JWE under the very key',
      () =>
        new EncryptJWT({ iss: issuer, aud: claims.resource, ...times, ...payload })
          .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt', kid })
          .encrypt(keyOf('access-token')),
    ],
    ['sealed text that is no token', () => sealer.seal('access-token', issuer, 'text')],
    ['a sealed null', () => sealer.seal('access-token', issuer, null)],
    [
      'one sealed for another issuer',
      () => sealer.seal('access-token', 'https://other.test', JSON.parse(whole)),
    ],
    ['one sealed for another purpose', () => sealer.seal('sign-in', issuer, JSON.parse(whole))],
    ['one of an unknown key', () => `AAAA${forge().slice(4)}`],
    ['one without a key', () => forge().slice(4)],
    ['one for several audiences', () => forge({ aud: [claims.resource, 'https://other.test'] })],
    ['one without an audience', () => forge({ aud: undefined })],
    ['one that never ends', () => forge({ exp: undefined })],
    ['one that ends in words', () => forge({ exp: String(now + 60) })],
    ['one without a grant', () => forge({ gid: undefined })],
    ['one with half a grant', () => forge({ gid: key.user })],
    ['one without an epoch', () => forge({ epoch: undefined })],
    ['one without a client', () => forge({ client_id: undefined })],
    ['one without a scope', () => forge({ scope: undefined })],
  ])('is not %s', async (_name, make) => {
    expect(open(await make())).toBeUndefined()
  })
})
