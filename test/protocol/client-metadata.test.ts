import { describe, expect, test } from 'vitest'
import type { OAuthError } from '../../src/errors.ts'
import { readClientMetadata } from '../../src/protocol/client-metadata.ts'
import { readName, userName } from '../../src/protocol/shown-name.ts'

const policy = { customSchemes: true, loopbackAliases: false }
const ownOrigin = 'https://proxy.test'
const uri = 'https://client.test/cb'
const read = (metadata: unknown, redirectUris = policy) =>
  readClientMetadata(metadata, { redirectUris, ownOrigin })
const readWith = (members: Record<string, unknown>) => read({ redirect_uris: [uri], ...members })
const refusal = (code: string, detail?: string) =>
  expect.objectContaining({ name: 'OAuthError', code, status: 400, ...(detail && { detail }) })

const MINIMAL = {
  name: undefined,
  redirectUris: [uri],
  authMethod: 'none',
  refreshes: 'if-asked',
  scope: undefined,
}

test('a client that leaves everything out is public, and refreshes if it asks', () => {
  expect(read({ redirect_uris: [uri] })).toEqual(MINIMAL)
})

test('a full registration is kept, without what nothing here uses', () => {
  const full = {
    client_name: 'A client',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'mcp files:read',
    client_uri: 'https://client.test',
    logo_uri: 'https://client.test/logo.png',
    jwks_uri: 'https://client.test/jwks',
    contacts: ['a@client.test'],
  }
  expect(readWith(full)).toEqual({
    name: 'A client',
    redirectUris: [uri],
    authMethod: 'none',
    refreshes: true,
    scope: 'mcp files:read',
  })
})

const USED = ['client_name', 'token_endpoint_auth_method', 'grant_types', 'response_types', 'scope']

test.each([
  ['null', null],
  ['an empty text', ''],
  ['an empty list', []],
])('%s means absent', (name, value) => {
  const members = USED.filter((member) => name !== 'an empty list' || member.endsWith('_types'))
  const texts = members.filter((member) => name !== 'an empty text' || !member.endsWith('_types'))
  expect(readWith(Object.fromEntries(texts.map((member) => [member, value])))).toEqual(MINIMAL)
})

test('unknown members are ignored, whatever they are', () => {
  const members = JSON.parse('{"__proto__":{"scope":"x"},"constructor":1,"software_id":[],"x":{"y":null}}')
  expect(readWith(members)).toEqual(MINIMAL)
})

test.each([
  ['a logo that runs script', { logo_uri: 'javascript:alert(1)' }],
  ['a localised logo that is a number', { 'logo_uri#de': 1 }],
  ['a policy that is a file', { policy_uri: 'file:///etc/passwd' }],
  ['terms of 10 kB', { tos_uri: 'a'.repeat(10_240) }],
  ['a home page that is data', { client_uri: 'data:text/html,x' }],
  ['keys that are no object', { jwks: 'keys' }],
  ['keys beside their address', { jwks: { keys: [] }, jwks_uri: 'https://client.test/jwks' }],
  ['contacts that are no list', { contacts: 'a@client.test' }],
  ['a software statement', { software_statement: 'x.y.z' }],
])('a member that nothing here uses loses no client: %s', (_name, members) => {
  expect(readWith(members)).toEqual(MINIMAL)
})

test('a long name is cut', () => {
  expect(readWith({ client_name: 'a'.repeat(10_240) }).name).toBe('a'.repeat(100))
})

test.each(['none', 'client_secret_post', 'client_secret_basic'])('the method %s is kept', (method) => {
  expect(readWith({ token_endpoint_auth_method: method }).authMethod).toBe(method)
})

test.each(['client_secret_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'x'])(
  'a client that asks for the method %s does not become public, but is told the methods',
  (method) => {
    expect(() => readWith({ token_endpoint_auth_method: method })).toThrow(
      refusal(
        'invalid_client_metadata',
        'token_endpoint_auth_method must be one of none, client_secret_basic, client_secret_post, private_key_jwt',
      ),
    )
  },
)

const RSA = { kty: 'RSA', n: 'A'.repeat(342), e: 'AQAB' }
const EC = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }
const OKP = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }
const signing = (...keys: unknown[]) => ({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } })

test('of the keys of a client that signs, those stay that verify, with nothing that is of no use', () => {
  const odd = [
    { ...RSA, n: 'A'.repeat(171) },
    { ...EC, crv: 'P-384' },
    { ...EC, y: undefined },
    { ...OKP, crv: 'X25519' },
    { ...OKP, use: 'enc' },
    { ...OKP, x: 1 },
    { kty: '__proto__' },
    {},
  ]
  const { authMethod, jwks } = readWith(
    signing({ ...RSA, kid: 'a', alg: 'PS256', x5c: ['x'] }, ...odd, EC, OKP),
  )
  expect(authMethod).toBe('private_key_jwt')
  expect(jwks).toEqual({ keys: [{ ...RSA, kid: 'a', alg: 'PS256' }, EC, OKP] })
  for (const key of odd) {
    const problem = 'jwks has no public key for RS256, ES256, PS256, EdDSA'
    expect(() => readWith(signing(key)), JSON.stringify(key)).toThrow(
      refusal('invalid_client_metadata', problem),
    )
  }
})

test.each([
  { ...EC, d: 'A'.repeat(43) },
  { kty: 'oct', k: 'AAAA' },
  { ...RSA, p: 'AQ' },
])('a client that shows a private key is refused (%#)', (key) => {
  expect(() => readWith(signing(EC, key))).toThrow(
    refusal('invalid_client_metadata', 'jwks contains a private key'),
  )
})

test('keys of a client that does not sign are ignored', () => {
  expect(readWith({ jwks: { keys: [EC] } })).not.toHaveProperty('jwks')
  expect(readWith({ jwks: 1, jwks_uri: 'https://client.example/jwks' }).authMethod).toBe('none')
})

test('unknown grant and response types next to usable ones are ignored', () => {
  const types = {
    grant_types: ['implicit', 'authorization_code', 'urn:x', null],
    response_types: ['code', 'code id_token'],
  }
  expect(readWith(types)).toEqual({ ...MINIMAL, refreshes: false })
})

describe('refused as metadata', () => {
  test.each([
    ['an array', []],
    ['a string', 'redirect_uris'],
    ['a number', 1],
    ['null', null],
    ['nothing', undefined],
  ])('a body that is %s', (_name, body) => {
    expect(() => read(body)).toThrow(refusal('invalid_client_metadata', 'it must be a JSON object'))
  })

  test.each([
    ['a name that is no text', { client_name: {} }, 'client_name must be a text'],
    [
      'a method that is no text',
      { token_endpoint_auth_method: 1 },
      'token_endpoint_auth_method must be a text',
    ],
    [
      'grant types that are no list',
      { grant_types: 'authorization_code' },
      'grant_types must be a list of texts',
    ],
    ['a scope with a quote', { scope: 'a"b' }, 'scope must be space-separated scopes'],
    ['a scope with a line feed', { scope: 'a\nb' }, 'scope must be space-separated scopes'],
    ['a scope of 5 kB', { scope: 'a '.repeat(2500) }, 'scope is over 4,000 characters'],
    ['no code grant', { grant_types: ['refresh_token'] }, 'grant_types must contain authorization_code'],
    [
      'the implicit grant alone',
      { grant_types: ['implicit'], response_types: ['token'] },
      'grant_types must contain authorization_code',
    ],
    [
      'a code grant without the code response',
      { response_types: ['token'] },
      'response_types must contain code',
    ],
  ])('%s, which is named to the client', (_name, members, detail) => {
    const expected = refusal('invalid_client_metadata', detail)
    expect(() => readWith(members)).toThrow(expected)
    expect(() => readWith(members)).toThrow(`The client metadata is invalid: ${detail}`)
  })

  test('and never with the value in the text or the reason', () => {
    try {
      readWith({ scope: `secret-value "${'a'.repeat(500)}` })
      expect.unreachable()
    } catch (error) {
      const { message, detail } = error as OAuthError
      expect(`${message} ${detail}`).not.toContain('secret-value')
    }
  })
})

describe('redirect URIs', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `${uri}/${index}`)

  test('may be ten, and repeated ones count once in what is kept', () => {
    expect(read({ redirect_uris: many(10) }).redirectUris).toHaveLength(10)
    expect(read({ redirect_uris: [uri, uri] }).redirectUris).toEqual([uri])
  })

  test.each([
    ['missing', undefined, 'redirect_uris is missing'],
    ['null', null, 'redirect_uris is missing'],
    ['empty', [], 'redirect_uris must be a list of URIs'],
    ['a text', uri, 'redirect_uris must be a list of URIs'],
    ['an object', { 0: uri, length: 1 }, 'redirect_uris must be a list of URIs'],
    ['eleven', many(11), 'redirect_uris has more than 10 URIs'],
    ['no text', [1], 'redirect_uris.0 is not a text'],
    ['nested', [[uri]], 'redirect_uris.0 is not a text'],
    [
      'http on another host',
      ['http://client.test/cb'],
      'redirect_uris.0 uses http on a host that is not loopback',
    ],
    ['all hostile', ['javascript:alert(1)', null], 'redirect_uris.0 has a scheme that is not allowed'],
    ['with a fragment', [`${uri}#x`], 'redirect_uris.0 has a fragment'],
    ['an address of this server', [`${ownOrigin}/cb`], 'redirect_uris.0 is an address of this server'],
  ])('are refused if they are %s, which is named to the client', (_name, uris, detail) => {
    const refused = () => read({ redirect_uris: uris })
    expect(refused).toThrow(refusal('invalid_redirect_uri', detail))
    expect(refused).toThrow(`A redirect URI is not allowed: ${detail}`)
  })

  test.each(['javascript:alert(1)', 'http://client.test/cb', `${ownOrigin}/cb`, 1, null, [uri]])(
    'that are good survive %j next to them',
    (bad) => {
      expect(read({ redirect_uris: [bad, uri] }).redirectUris).toEqual([uri])
    },
  )

  test('of a private-use scheme depend on the operator', () => {
    const body = { redirect_uris: ['cursor://host/cb'] }
    expect(read(body).redirectUris).toEqual(body.redirect_uris)
    expect(() => read(body, { ...policy, customSchemes: false })).toThrow(
      refusal('invalid_redirect_uri', 'redirect_uris.0 has a private-use scheme'),
    )
  })
})

describe('a name', () => {
  test.each([
    ['a direction override', 'Good\u202Elive', 'Goodlive'],
    ['isolates', '\u2066Good\u2069', 'Good'],
    ['zero-width characters', 'Go\u200Bo\u200Dd\uFEFF', 'Good'],
    ['control characters', 'Go\0o\x1bd', 'Good'],
    ['line breaks', 'Go\r\n\u2028od', 'Good'],
    ['tag characters', 'Good\u{E0041}', 'Good'],
    ['private-use characters', 'Good\uE000', 'Good'],
    ['half a character', 'Good\ud800', 'Good'],
    ['white space around and inside', '  Good \u00A0  client ', 'Good client'],
    ['decomposed letters', 'u\u0308', 'ü'],
    ['marks that would join the text before it', '\u0301\u20dd Good', 'Good'],
  ])('loses %s', (_what, shown, kept) => {
    expect(readName(shown)).toBe(kept)
  })

  test.each(['', '   ', '\u202E\u200B', null, undefined])('that shows nothing, %j, is no name', (name) => {
    expect(readName(name)).toBeUndefined()
  })

  // Fillers of Hangul, Khmer and Khitan, the joiner of graphemes, selectors of variants, and blank glyphs.
  const BLANK = [
    0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e, 0x200b, 0x2060, 0x2065, 0x2800,
    0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff0, 0xfffc, 0x13441, 0x13442, 0x16fe4, 0x1bca0, 0x1d159,
    0x1d173, 0xe0001, 0xe0100,
  ]
  test.each(BLANK.map((code) => [code.toString(16), String.fromCodePoint(code)]))(
    'loses U+%s, which shows nothing, and of that alone nothing is left',
    (_code, blank) => {
      expect(readName(blank.repeat(3))).toBeUndefined()
      expect(readName(` ${blank} ${blank}`)).toBeUndefined()
      expect(readName(`Go${blank}od${blank}`)).toBe('Good')
    },
  )

  test('of a user loses the same, and a blank address lets the name be shown', () => {
    expect(userName({ email: 'ada@example.com', name: 'Ada' })).toBe('ada@example.com')
    expect(userName({ email: '\u3164', name: 'A\u202eda' })).toBe('Ada')
    expect(userName({ email: '\u2800', name: '\u115f' })).toBeUndefined()
    expect(userName({})).toBeUndefined()
  })

  test('has at most 100 characters and keeps markup for the page to escape', () => {
    expect(readName('a'.repeat(150))).toBe('a'.repeat(100))
    expect(readName(`${'a'.repeat(99)}😀b`), 'whole characters').toBe(`${'a'.repeat(99)}😀`)
    expect(readName(`${'a'.repeat(99)} b`)).toBe('a'.repeat(99))
    expect(readName('u\u200B\u0308'), 'composed').toBe('ü')
    expect(readName('<b>“Client” & 日本</b>')).toBe('<b>“Client” & 日本</b>')
  })
})
