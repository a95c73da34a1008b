import { describe, expect, test } from 'vitest'
import type { OAuthError } from '../../src/errors.ts'
import { readClientMetadata, readName } from '../../src/protocol/client-metadata.ts'

const policy = { customSchemes: true, loopbackAliases: false }
const uri = 'https://client.test/cb'
const read = (metadata: unknown) => readClientMetadata(metadata, policy)
const readWith = (members: Record<string, unknown>) => read({ redirect_uris: [uri], ...members })
const refusal = (code: string, detail?: string) =>
  expect.objectContaining({ name: 'OAuthError', code, status: 400, ...(detail && { detail }) })

const MINIMAL = {
  name: undefined,
  redirectUris: [uri],
  authMethod: 'client_secret_basic',
  refreshes: false,
  scope: undefined,
}

test('what is left out has the defaults of the standard', () => {
  expect(read({ redirect_uris: [uri] })).toEqual(MINIMAL)
})

test('a full registration is kept', () => {
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

test('null means absent', () => {
  const names = [
    'client_name',
    'token_endpoint_auth_method',
    'grant_types',
    'response_types',
    'scope',
    'jwks',
    'jwks_uri',
    'logo_uri',
    'client_uri',
  ]
  expect(readWith(Object.fromEntries(names.map((name) => [name, null])))).toEqual(MINIMAL)
})

test('unknown members are ignored, whatever they are', () => {
  const members = JSON.parse('{"__proto__":{"scope":"x"},"constructor":1,"software_id":[],"x":{"y":null}}')
  expect(readWith(members)).toEqual(MINIMAL)
})

test.each([
  ['none', 'none'],
  ['client_secret_post', 'client_secret_post'],
  ['private_key_jwt', 'none'],
  ['tls_client_auth', 'none'],
])('the authentication method %s becomes %s', (asked, given) => {
  expect(readWith({ token_endpoint_auth_method: asked }).authMethod).toBe(given)
})

test('unknown grant and response types beside usable ones are dropped', () => {
  const types = {
    grant_types: ['implicit', 'authorization_code', 'urn:x'],
    response_types: ['code', 'code id_token'],
  }
  expect(readWith(types)).toEqual(MINIMAL)
})

describe('refused as metadata', () => {
  test.each([
    ['an array', []],
    ['a string', 'redirect_uris'],
    ['a number', 1],
    ['null', null],
    ['nothing', undefined],
  ])('a body that is %s', (_name, body) => {
    expect(() => read(body)).toThrow(refusal('invalid_client_metadata', 'not an object'))
  })

  test.each([
    ['a name of 10 kB', { client_name: 'a'.repeat(10_240) }, 'bad client_name'],
    ['a name that is no text', { client_name: {} }, 'bad client_name'],
    ['a method that is no text', { token_endpoint_auth_method: 1 }, 'bad token_endpoint_auth_method'],
    ['grant types that are no list', { grant_types: 'authorization_code' }, 'bad grant_types'],
    ['grant types of 10 kB', { grant_types: ['a'.repeat(10_240)] }, 'bad grant_types.0'],
    ['a scope with a quote', { scope: 'a"b' }, 'bad scope'],
    ['a scope with a line feed', { scope: 'a\nb' }, 'bad scope'],
    ['a logo that runs script', { logo_uri: 'javascript:alert(1)' }, 'bad logo_uri'],
    ['a localised logo that runs script', { 'logo_uri#de': 'javascript:alert(1)' }, 'bad logo_uri'],
    ['a policy that is a file', { policy_uri: 'file:///etc/passwd' }, 'bad policy_uri'],
    ['terms that are no text', { tos_uri: 1 }, 'bad tos_uri'],
    ['a home page that is data', { client_uri: 'data:text/html,x' }, 'bad client_uri'],
    ['keys that are no object', { jwks: 'keys' }, 'bad jwks'],
    ['keys beside their address', { jwks: { keys: [] }, jwks_uri: 'https://client.test/jwks' }, undefined],
    ['no code grant', { grant_types: ['refresh_token'] }, undefined],
    ['no grant type at all', { grant_types: [] }, undefined],
    ['the implicit grant alone', { grant_types: ['implicit'], response_types: ['token'] }, undefined],
    ['a code grant without the code response', { response_types: ['token'] }, undefined],
  ])('%s', (_name, members, detail) => {
    expect(() => readWith(members)).toThrow(refusal('invalid_client_metadata', detail))
  })

  test('and never with the value in the text or the reason', () => {
    try {
      readWith({ client_name: `secret-value ${'a'.repeat(500)}` })
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
    ['missing', undefined],
    ['null', null],
    ['empty', []],
    ['a text', uri],
    ['an object', { 0: uri, length: 1 }],
    ['eleven', many(11)],
    ['partly no text', [uri, 1]],
    ['partly nested', [[uri]]],
    ['partly hostile', [uri, 'javascript:alert(1)']],
    ['http on another host', ['http://client.test/cb']],
  ])('are refused where they are %s', (_name, uris) => {
    expect(() => read({ redirect_uris: uris })).toThrow(refusal('invalid_redirect_uri'))
  })

  test('of a private-use scheme depend on the operator', () => {
    const body = { redirect_uris: ['cursor://host/cb'] }
    expect(read(body).redirectUris).toEqual(body.redirect_uris)
    expect(() => readClientMetadata(body, { ...policy, customSchemes: false })).toThrow(
      refusal('invalid_redirect_uri', 'bad redirect_uris.0'),
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
  ])('loses %s', (_what, shown, kept) => {
    expect(readName(shown)).toBe(kept)
  })

  test.each(['', '   ', '\u202E\u200B', null, undefined])('that shows nothing, %j, is no name', (name) => {
    expect(readName(name)).toBeUndefined()
  })

  test('has at most 100 characters and keeps markup for the page to escape', () => {
    expect(readName('a'.repeat(150))).toBe('a'.repeat(100))
    expect(readName(`${'a'.repeat(99)}😀b`), 'whole characters').toBe(`${'a'.repeat(99)}😀`)
    expect(readName(`${'a'.repeat(99)} b`)).toBe('a'.repeat(99))
    expect(readName('u\u200B\u0308'), 'composed').toBe('ü')
    expect(readName('<b>“Client” & 日本</b>')).toBe('<b>“Client” & 日本</b>')
  })
})
