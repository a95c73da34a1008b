import { describe, expect, test } from 'vitest'
import {
  describeRedirect,
  isLoopback,
  isRegistrable,
  matchesRedirectUri,
  type RedirectPolicy,
} from '../../src/protocol/redirect-uri.ts'

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
    'com.example.app:/oauth2redirect',
    'com.example.app://oauth2redirect',
  ])('%s', (uri) => {
    expect(isRegistrable(uri, policy)).toBe(true)
  })
})

describe('a client may not register', () => {
  test.each([
    ['nothing', ''],
    ['a relative reference', '/cb'],
    ['a scheme-relative reference', '//client.test/cb'],
    ['a host without a scheme', 'client.test/cb'],
    ['a host and port without a scheme', 'localhost:3000/cb'],
    ['user information', 'https://user@client.test/cb'],
    ['user information with a password', 'https://user:pass@client.test/cb'],
    ['a look-alike in the user information', 'http://localhost@evil.com/cb'],
    ['a password that looks like a port', 'http://127.0.0.1:80@evil.com/'],
    ['dot segments', 'https://client.test/a/../cb'],
    ['a single dot segment', 'https://client.test/./cb'],
    ['encoded dot segments', 'https://client.test/%2e%2e/cb'],
    ['an encoded dot in a name', 'https://client.test/cb%2ehtml'],
    ['an encoded dot in upper case', 'https://client.test/cb%2Ehtml'],
    ['a fragment', 'https://client.test/cb#x'],
    ['an empty fragment', 'https://client.test/cb#'],
    ['a backslash', 'https://client.test\\@evil.com/cb'],
    ['backslashes for slashes', 'https:\\\\client.test\\cb'],
    ['a wildcard host', 'https://*.client.test/cb'],
    ['a wildcard path', 'https://client.test/*'],
    ['a host and port that read as a scheme', 'client.test:8080/cb'],
    ['settings of the system', 'ms-settings://network'],
    ['pages of a browser', 'edge://settings'],
    ['an upper-case scheme', 'HTTPS://client.test/cb'],
    ['an upper-case host', 'https://Client.test/cb'],
    ['the default port', 'https://client.test:443/cb'],
    ['a host with a trailing dot', 'https://client.test./cb'],
    ['a loopback host with a trailing dot', 'http://localhost./cb'],
    ['an internationalised host in Unicode', 'https://bücher.example/cb'],
    ['a full-width host', 'https://ｃlient.test/cb'],
    ['too few slashes', 'https:/client.test/cb'],
    ['no slashes', 'https:client.test'],
    ['no host', 'https://'],
    ['http on another host', 'http://client.test/cb'],
    ['http on a private address', 'http://192.168.0.1/cb'],
    ['http on any address', 'http://0.0.0.0/cb'],
    ['a prefix trick with the loopback address', 'http://127.0.0.1.evil.com/cb'],
    ['a prefix trick with localhost', 'http://localhost.evil.com/cb'],
    ['a subdomain of localhost', 'http://app.localhost/cb'],
    ['a shortened loopback address', 'http://127.1/cb'],
    ['a hexadecimal loopback address', 'http://0x7f.1/cb'],
    ['a decimal loopback address', 'http://2130706433/cb'],
    ['an octal loopback address', 'http://0177.0.0.1/cb'],
    ['another loopback address', 'http://127.0.0.2/cb'],
    ['a long form of the IPv6 loopback', 'http://[0:0:0:0:0:0:0:1]/cb'],
    ['a mapped loopback address', 'http://[::ffff:127.0.0.1]/cb'],
    ['an upper-case loopback host', 'http://LOCALHOST/cb'],
    ['a space', 'https://client.test/c b'],
    ['a space in front', ' https://client.test/cb'],
    ['a line feed at the end', 'https://client.test/cb\n'],
    ['a carriage return and a header', 'https://client.test/cb\r\nSet-Cookie: a=b'],
    ['a tab inside the scheme', 'java\tscript:alert(1)'],
    ['a null byte', 'https://client.test/cb\0'],
    ['quotes', 'https://client.test/cb?"x'],
    ['markup', 'https://client.test/<script>'],
    ['braces', 'https://client.test/{id}'],
    ['javascript:', 'javascript:alert(1)'],
    ['javascript: in odd case', 'JaVaScRiPt:alert(1)'],
    ['javascript: with slashes', 'javascript://client.test/%0aalert(1)'],
    ['javascript: after a control character', '\x01javascript:alert(1)'],
    ['javascript: after a space', ' javascript://x/'],
    ['data:', 'data:text/html,hello'],
    ['data: with slashes', 'data://text/html,hello'],
    ['vbscript:', 'vbscript:msgbox(1)'],
    ['vbscript: with slashes in odd case', 'VBScript://x'],
    ['file:', 'file:///etc/passwd'],
    ['file: with a host', 'file://host/share'],
    ['blob:', 'blob:https://client.test/0a1b'],
    ['blob: with slashes', 'blob://client.test/'],
    ['about:', 'about:blank'],
    ['view-source:', 'view-source://client.test/'],
    ['intent:', 'intent://scan/'],
    ['ws:', 'ws://localhost/'],
    ['mailto:', 'mailto:a@client.test'],
    ['a private-use scheme that is no domain and has no host', 'myapp:/cb'],
    ['a private-use scheme with a path only', 'myapp:cb'],
    ['an upper-case private-use scheme', 'MyApp://cb'],
    ['user information in a private-use scheme', 'myapp://user@cb'],
    ['over 2,048 characters', `https://client.test/${'a'.repeat(2048)}`],
  ])('%s', (_name, uri) => {
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
