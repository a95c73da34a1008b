import { describe, expect, test } from 'vitest'
import type { OAuthError } from '../../src/errors.ts'
import { toParams } from '../../src/http/params.ts'
import {
  checkAuthorizationRequest,
  chooseRedirectUri,
  type RequestedResource,
  type RequestingClient,
  readState,
} from '../../src/protocol/authorization-request.ts'
import type { ScopeTable } from '../../src/protocol/scope.ts'
import { tableOf } from '../support/scope-table.ts'

const policy = { customSchemes: true, loopbackAliases: false }
const own = 'https://proxy.test'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
const client: RequestingClient = {
  redirectUris: ['https://client.test/cb'],
  refreshes: true,
  scope: undefined,
}
const server: { resources: [RequestedResource, RequestedResource]; scopes: ScopeTable } = {
  resources: [
    { id: `${own}/mcp`, scopes: ['read'], defaultScope: ['read'] },
    { id: `${own}/second`, scopes: [], defaultScope: ['read', 'write'] },
  ],
  scopes: tableOf('read', 'write'),
}

const VALID = { response_type: 'code', code_challenge: challenge, code_challenge_method: 'S256' }
const check = (changes: Record<string, string | undefined> = {}, from = client) => {
  const given = Object.entries({ ...VALID, ...changes }).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  )
  return checkAuthorizationRequest(toParams(new URLSearchParams(given)), from, server)
}
const refusal = (code: string) => expect.objectContaining({ name: 'OAuthError', code })

describe('where the answer goes', () => {
  const choose = (uri: string | undefined, redirectUris = client.redirectUris, origin = own) =>
    chooseRedirectUri(uri, { ...client, redirectUris }, policy, origin)

  test('is the redirect URI of the request, if it is registered', () => {
    expect(choose('https://client.test/cb')).toBe('https://client.test/cb')
    expect(choose('http://127.0.0.1:9/cb', ['http://127.0.0.1:1/cb'])).toBe('http://127.0.0.1:9/cb')
  })

  test('may be left out where only one is registered', () => {
    expect(choose(undefined)).toBe('https://client.test/cb')
    expect(() => choose(undefined, ['https://client.test/a', 'https://client.test/b'])).toThrow(
      refusal('invalid_request'),
    )
    expect(() => choose(undefined, [])).toThrow(refusal('invalid_request'))
  })

  test.each(['https://evil.com/cb', 'https://client.test/cb/', 'javascript:alert(1)', 'cb'])(
    'is never %s',
    (uri) => {
      expect(() => choose(uri)).toThrow(refusal('invalid_request'))
    },
  )

  test('is named in the event if it is not registered, without its query', () => {
    const detail = (uri: string) => {
      try {
        choose(uri)
      } catch (error) {
        return (error as OAuthError).detail
      }
      throw new Error('it was accepted')
    }
    expect(detail('https://evil.com/cb?code=secret')).toBe('https://evil.com/cb')
    expect(detail('https://evil.com/\r\n\u202ecb')).toBe('https://evil.com/ cb')
    expect(detail(`https://evil.com/${'a'.repeat(3000)}`)).toHaveLength(201)
  })

  test('is never this server, nor its port on a loopback host', () => {
    expect(() => choose(`${own}/callback`, [`${own}/callback`])).toThrow(refusal('invalid_request'))
    expect(() => choose(undefined, [`${own}/callback`])).toThrow(refusal('invalid_request'))
    const local = 'http://localhost:8787'
    expect(() => choose(`${local}/cb`, ['http://localhost:1/cb'], local)).toThrow(refusal('invalid_request'))
    expect(choose('http://localhost:2/cb', ['http://localhost:1/cb'], local)).toBe('http://localhost:2/cb')
  })
})

describe('the state', () => {
  const state = (value: string) => readState(toParams(new URLSearchParams({ state: value })))

  test('is kept as it came, and absent where it is empty', () => {
    expect(state('+ & = % ü "')).toBe('+ & = % ü "')
    expect(state('')).toBeUndefined()
  })

  test('has at most 4,096 characters', () => {
    expect(state('s'.repeat(4096))).toHaveLength(4096)
    expect(() => state('s'.repeat(4097))).toThrow(refusal('invalid_request'))
  })
})

describe('a request', () => {
  test('that names neither scope nor resource gets those of the first resource', () => {
    expect(check()).toEqual({ challenge, scope: ['read'], resource: `${own}/mcp`, refreshes: true })
  })

  test('to a resource without scopes of its own gets all the client may have', () => {
    expect(check({ resource: `${own}/second/` })).toEqual({
      challenge,
      scope: ['read', 'write'],
      resource: `${own}/second`,
      refreshes: true,
    })
    expect(check({ resource: `${own}/second` }, { ...client, scope: ['write'] }).scope).toEqual(['write'])
  })

  test('gets no scope that its client did not register', () => {
    const narrow = { ...client, scope: ['read'] }
    expect(check({ scope: 'read write' }, narrow).scope).toEqual(['read'])
    expect(() => check({ scope: 'write' }, narrow)).toThrow(refusal('invalid_scope'))
  })

  test('without scope is refused if its client may not have what the resource requires', () => {
    const narrow = { ...client, scope: ['write'] }
    for (const scope of [undefined, 'openid', 'openid offline_access']) {
      expect(() => check({ scope }, narrow)).toThrow(refusal('invalid_scope'))
    }
    expect(check({ resource: `${own}/second` }, narrow).scope).toEqual(['write'])
  })

  test('leads to refresh tokens if its client registered them, or registered nothing and asks', () => {
    const open: RequestingClient = { ...client, refreshes: 'if-asked' }
    expect(check({ scope: 'read offline_access' }, open)).toMatchObject({
      scope: ['read', 'offline_access'],
      refreshes: true,
    })
    expect(check({ scope: 'read' }, open)).toMatchObject({ scope: ['read'], refreshes: false })
    const never: RequestingClient = { ...client, refreshes: false }
    expect(check({ scope: 'read offline_access' }, never)).toMatchObject({
      scope: ['read'],
      refreshes: false,
    })
  })

  test('gets offline_access only for a client that refreshes', () => {
    expect(check({ scope: 'read offline_access' }).scope).toEqual(['read', 'offline_access'])
    expect(check({ scope: 'read offline_access' }, { ...client, refreshes: false }).scope).toEqual(['read'])
  })

  test.each([
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['the response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['a hybrid response_type', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['the response_type in upper case', { response_type: 'CODE' }, 'unsupported_response_type'],
    ['the response_mode fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['the response_mode form_post', { response_mode: 'form_post' }, 'invalid_request'],
    ['no code_challenge', { code_challenge: undefined }, 'invalid_request'],
    ['no code_challenge_method', { code_challenge_method: undefined }, 'invalid_request'],
    ['the plain method', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['the method in lower case', { code_challenge_method: 's256' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['a padded challenge', { code_challenge: `${challenge}=` }, 'invalid_request'],
    ['another resource', { resource: 'https://other.test/mcp' }, 'invalid_target'],
    ['a resource with a fragment', { resource: `${own}/mcp#x` }, 'invalid_target'],
    ['an unknown scope alone', { scope: 'unknown' }, 'invalid_scope'],
    ['a malformed scope', { scope: 'read "write"' }, 'invalid_scope'],
  ])('with %s is refused', (_name, changes, code) => {
    expect(() => check(changes)).toThrow(refusal(code))
  })

  test('may name the response_mode that is served, and anything unknown', () => {
    expect(check({ response_mode: 'query', prompt: 'login', nonce: 'n' })).toEqual(check())
  })
})
