import { describe, expect, test } from 'vitest'
import {
  describeRedirect,
  isLoopback,
  isRegistrable,
  matchesRedirectUri,
  type RedirectPolicy,
} from '../../src/protocol/redirect-uri.ts'
import { NOT_REGISTRABLE } from './redirect-uris.ts'

const policy: RedirectPolicy = { customSchemes: true, loopbackAliases: false }

describe('a client may register', () => {
  test.each([
    'https://client.test',
    'https://client.test/',
    'https://client.test/cb',
    'https://client.test:8443/cb',
    'https://client.test/cb?tenant=a&x=%20b+c',
    'https://client.test/Case/Kept',
    'https://xn--bcher-kva.example/cb',
    'https://client.test/cb?next=a%2eb',
    'http://localhost/cb',
    'http://localhost:3000/cb',
    'http://127.0.0.1:5555/callback',
    'http://127.0.0.1',
    'http://[::1]:9000/cb',
    'cursor://anysphere.cursor-deeplink/mcp/oauth',
    'vscode://vscode.github-authentication/did-authenticate',
    'vscode-insiders://vscode.github-authentication/did-authenticate',
    'windsurf://callback',
    'zed://callback',
    'goose://callback',
    'claude://oauth/callback',
    'raycast://oauth',
    'com.example.app:/oauth2redirect',
    'com.example.app://oauth2redirect',
  ])('%s', (uri) => {
    expect(isRegistrable(uri, policy)).toBe(true)
  })
})

describe('a client may not register', () => {
  test.each(NOT_REGISTRABLE)('%s', (_name, uri) => {
    expect(isRegistrable(uri, policy)).toBe(false)
  })

  test.each(['cursor://callback', 'com.example.app:/cb'])('%s, where private-use schemes are off', (uri) => {
    expect(isRegistrable(uri, { ...policy, customSchemes: false })).toBe(false)
  })
})

test('turning private-use schemes off leaves https and loopback', () => {
  const off = { ...policy, customSchemes: false }
  expect(isRegistrable('https://client.test/cb', off)).toBe(true)
  expect(isRegistrable('http://[::1]/cb', off)).toBe(true)
})

describe('a requested redirect URI is a registered one only as the same text', () => {
  const registered = ['https://client.test/cb', 'https://client.test:8443/cb?a=1', 'cursor://host/cb']

  test.each(registered)('%s', (uri) => {
    expect(matchesRedirectUri(uri, registered, policy)).toBe(true)
  })

  test.each([
    'https://client.test/cb/',
    'https://client.test/cb?x=1',
    'https://client.test/cb?',
    'https://client.test/CB',
    'https://client.test/cb#',
    'https://client.test/c%62',
    'https://client.test/cb2',
    'https://client.test/c',
    'https://client.test/cb/../cb',
    'https://client.test/%2e/cb',
    'https://client.test:443/cb',
    'https://client.test:444/cb',
    'https://client.test.evil.com/cb',
    'https://evil.com/https://client.test/cb',
    'https://client.test@evil.com/cb',
    'https://sub.client.test/cb',
    'https://client.test./cb',
    'http://client.test/cb',
    'https://client.test:8443/cb',
    'https://client.test:8443/cb?a=1&b=2',
    'cursor://host:1/cb',
    'cursor://other/cb',
    'http://127.0.0.1/cb',
    '',
  ])('not %s', (uri) => {
    expect(matchesRedirectUri(uri, registered, policy)).toBe(false)
  })

  test('a text that is no safe redirect URI is refused even where it is on the list', () => {
    for (const uri of ['javascript:alert(1)', 'http://evil.com/cb', 'https://client.test/cb#x']) {
      expect(matchesRedirectUri(uri, [uri], policy)).toBe(false)
    }
  })
})

describe('a loopback redirect URI', () => {
  const registered = ['http://127.0.0.1:1/cb', 'http://[::1]/six?a=1']

  test.each(['http://127.0.0.1:54321/cb', 'http://127.0.0.1/cb', 'http://[::1]:8080/six?a=1'])(
    'may have any port: %s',
    (uri) => {
      expect(matchesRedirectUri(uri, registered, policy)).toBe(true)
    },
  )

  test.each([
    ['host', 'http://localhost:1/cb'],
    ['path', 'http://127.0.0.1:1/other'],
    ['case of the path', 'http://127.0.0.1:1/CB'],
    ['trailing slash', 'http://127.0.0.1:1/cb/'],
    ['extra query', 'http://127.0.0.1:1/cb?x=1'],
    ['missing query', 'http://[::1]/six'],
    ['scheme', 'https://127.0.0.1:2/cb'],
    ['user information', 'http://user@127.0.0.1:2/cb'],
    ['spelling', 'http://127.1:2/cb'],
  ])('must keep its %s', (_name, uri) => {
    expect(matchesRedirectUri(uri, registered, policy)).toBe(false)
  })

  test('may change its host among loopback hosts only where the operator lets it', () => {
    const aliases = { ...policy, loopbackAliases: true }
    expect(matchesRedirectUri('http://localhost:3/cb', registered, aliases)).toBe(true)
    expect(matchesRedirectUri('http://[::1]:3/cb', registered, aliases)).toBe(true)
    expect(matchesRedirectUri('http://localhost:3/other', registered, aliases)).toBe(false)
    expect(matchesRedirectUri('http://localhost.evil.com/cb', registered, aliases)).toBe(false)
  })

  test('over https has a port like any other', () => {
    expect(matchesRedirectUri('https://localhost:2/cb', ['https://localhost:1/cb'], policy)).toBe(false)
  })

  test('is http on this computer and nothing else', () => {
    expect(isLoopback('http://localhost:1/cb')).toBe(true)
    for (const uri of ['https://localhost/cb', 'http://client.test/', 'cursor://localhost/', 'no URI']) {
      expect(isLoopback(uri)).toBe(false)
    }
  })
})

test('people are shown the host, or for an application the scheme', () => {
  expect(describeRedirect('https://client.test:8443/cb?x=1')).toEqual({
    kind: 'web',
    target: 'client.test:8443',
  })
  expect(describeRedirect('http://127.0.0.1:5555/cb')).toEqual({ kind: 'loopback', target: '127.0.0.1:5555' })
  expect(describeRedirect('cursor://host/cb')).toEqual({ kind: 'app', target: 'cursor://host' })
})
