import { parse as legacyParse } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldPath, parseTarget } from '../../src/http/target.ts'
import { createResourceMatcher } from '../../src/protocol/resource-match.ts'

const HOST = 'mcp.example.com'

/** The reason of a refusal, or `undefined` if the target is accepted. */
function refusalOf(target: string, host: string | null = HOST): string | undefined {
  try {
    parseTarget(target, host)
    return undefined
  } catch (error) {
    return (error as { reason: string }).reason
  }
}

describe('a path', () => {
  test.each([
    '/mcp',
    '/',
    '/mcp/',
    '/base/mcp/deep/er',
    '/.well-known/oauth-protected-resource/mcp',
    '/mcp/caf%C3%A9',
    '/mcp/%E4%BD%A0%E5%A5%BD',
    '/mcp/a%20b',
    '/mcp/a+b@c:d,e=f&g',
    "/mcp/it's(1)!*$",
    '/mcp/100%25',
    '/mcp/%22quoted%22',
    '/mcp/v1.2/file.txt',
    '/mcp/~user/_x-y',
  ])('%s is accepted byte for byte', (path) => {
    expect(parseTarget(path, HOST)).toEqual({ path, search: '' })
    expect(parseTarget(`https://${HOST}${path}?a=%2f..&b`, null)).toEqual({ path, search: '?a=%2f..&b' })
  })

  test.each([
    ['an encoded slash', '/wiki/..%2fissues'],
    ['an encoded slash in upper case', '/wiki/a%2Fb'],
    ['encoded dots', '/wiki/%2e%2e/issues'],
    ['an encoded dot', '/wiki/%2E'],
    ['an encoded backslash', '/wiki/..%5cissues'],
    ['an encoded semicolon', '/wiki%3bx'],
    ['an encoded question mark', '/wiki%3fx'],
    ['an encoded number sign', '/wiki%23x'],
    ['an encoded NUL', '/wiki%00'],
    ['an encoded line break', '/wiki%0d%0a'],
    ['an encoded DEL', '/wiki%7f'],
    ['an encoded C1 control character', '/wiki%C2%85'],
    ['an encoded replacement character', '/wiki/%EF%BF%BD'],
    ['an encoded replacement character in small letters', '/wiki/a%ef%bf%bdb'],
    ['an encoded line separator', '/wiki%E2%80%A8x'],
    ['an encoded letter', '/mcp/%61dmin'],
    ['an encoded digit', '/mcp/%31'],
    ['an encoded hyphen', '/mcp/a%2Db'],
    ['an encoded tilde', '/%7Euser'],
    ['an escape of an escape', '/wiki/..%252fissues'],
    ['an escape of an escaped letter', '/mcp/%2561dmin'],
    ['a backslash', '/wiki\\..\\issues'],
    ['a semicolon', '/mcp/admin;x'],
    ['a parameter on a parent', '/mcp/..;/admin'],
    ['an empty segment', '/mcp//admin'],
    ['an empty first segment', '//mcp'],
    ['empty segments at the end', '/mcp//'],
    ['a dot segment', '/mcp/./admin'],
    ['a parent segment', '/mcp/../admin'],
    ['a parent segment at the end', '/mcp/..'],
    ['a segment of dots', '/mcp/.../admin'],
    ['dots and blanks', '/mcp/..%20/admin'],
    ['a blank segment', '/mcp/%20/admin'],
    ['an invalid escape', '/mcp/%zz'],
    ['half an escape', '/mcp/%4'],
    ['a lone percent sign', '/mcp/100%'],
    ['invalid UTF-8', '/mcp/%ff'],
    ['an overlong slash', '/mcp/..%c0%afadmin'],
    ['half a character', '/mcp/%e4%bd'],
    ['an encoded surrogate', '/mcp/%ed%a0%80'],
    ['a full-width slash', '/wiki/..%EF%BC%8Fissues'],
    ['a full-width backslash', '/wiki/..%EF%BC%BCissues'],
    ['full-width dots', '/wiki/%EF%BC%8E%EF%BC%8E/issues'],
    ['a two-dot leader', '/wiki/%E2%80%A5/issues'],
    ['a raw blank', '/mcp/a b'],
    ['a raw tab', '/mcp/a\tb'],
    ['a raw NUL', '/mcp/a\0b'],
    ['raw UTF-8', '/mcp/café'],
    ['raw Latin-1', '/mcp/caf\u00e9'],
    ['a raw full-width slash', '/mcp\uff0fadmin'],
    ['a pipe', '/mcp/a|b'],
    ['a caret', '/mcp/a^b'],
    ['a brace', '/mcp/{a}'],
    ['a bracket', '/mcp/[a]'],
    ['a quotation mark', '/mcp/"a"'],
    ['a backtick', '/mcp/`a`'],
    ['an angle bracket', '/mcp/<a>'],
    ['a number sign', '/mcp#/admin'],
  ])('with %s is refused', (_what, path) => {
    expect(refusalOf(path)).toBe('ambiguous-path')
    expect(refusalOf(`/base${path}`)).toBe('ambiguous-path')
    expect(refusalOf(`http://${HOST}${path}`, null)).toBe('ambiguous-path')
  })

  test.each(['/mcp?a=é', '/mcp?a=b c', '/mcp?a#b', '/mcp?a=\0', '/mcp?a=\r\nx'])(
    'with the query of %j is refused',
    (target) => expect(refusalOf(target)).toBe('ambiguous-path'),
  )
})

describe('a host', () => {
  test.each([
    'mcp.example.com',
    'mcp.example.com:8443',
    'localhost:1',
    '127.0.0.1',
    '[::1]:80',
    'my_service:80',
  ])('%s is accepted', (host) => {
    expect(refusalOf('/mcp', host)).toBeUndefined()
    expect(refusalOf(`http://${host}/mcp`, host)).toBeUndefined()
    expect(refusalOf(`http://${host}`, null)).toBeUndefined()
  })

  test.each([
    '',
    'localhost\\mcp\\admin?',
    'localhost\\mcp\\admin\\tools#',
    ':26122\\zzz\\admin?',
    'localhost/mcp?',
    'localhost#',
    'localhost?',
    'user@localhost',
    'user:secret@localhost',
    'local host',
    'localhost\t',
    'localhost\0',
    'localhost:99999',
    'localhost:port',
    '1.2.3.400',
    '[::1',
    '[::g]',
    'localhost, other',
    'b\u00fccher.example',
    '%6c%6f',
    'a..b;c',
  ])('%j is refused', (host) => {
    expect(refusalOf('/mcp', host)).toBe('malformed-host')
    // With a slash in it, the URL alone has one reading. It is another one than that of the request line.
    if (host !== '' && host !== 'localhost/mcp?') {
      expect(refusalOf(`http://${host}/mcp`, null)).toBeTypeOf('string')
    }
    expect(refusalOf(`http://${host}/mcp`, host)).toBeTypeOf('string')
  })

  test('is required', () => {
    expect(refusalOf('/mcp', null)).toBe('malformed-host')
    expect(refusalOf('*', HOST)).toBe('malformed-host')
    expect(refusalOf('mcp', HOST)).toBe('malformed-host')
    expect(refusalOf('ftp://localhost/mcp', null)).toBe('malformed-host')
    expect(refusalOf('javascript:alert(1)', HOST)).toBe('malformed-host')
  })
})

/** Models of programs that read a path. Each returns the segments as it would route them. */
const READERS: Record<string, (path: string) => string[]> = {
  'the URL of browsers and runtimes': (path) =>
    new URL(`http://${HOST}${path}`).pathname.split('/').map(decodeURIComponent),
  'the legacy parser of Node': (path) =>
    (legacyParse(`http://${HOST}${path}`).pathname ?? '').split('/').map(decodeURIComponent),
  'a CGI-like server, which decodes and then normalises': (path) => {
    const read: string[] = []
    const text = decodeURIComponent(decodeURIComponent(path.replace(/%25(?![\da-f]{2})/gi, '%2525')))
    for (const segment of text.replaceAll('\\', '/').replace(/\0.*/s, '').split('/')) {
      const name = segment.replace(/;.*$/, '')
      if (name === '..') read.pop()
      else if (name !== '.' && (name !== '' || read.length === 0)) read.push(name)
    }
    return path.endsWith('/') && path !== '/' ? [...read, ''] : read.length < 2 ? [...read, ''] : read
  },
}

const segmentsOf = (path: string) => path.split('/').map(decodeURIComponent)

/** The pieces of which spellings with several readings are made. */
const PIECES = [
  ...'/ // . .. ... ; \\ % %2f %2F %5c %2e %2E %252e %252f %00 %0a %20 %61 %41 %25 %3b %3f %23 %c0%af %c3%a9'.split(
    ' ',
  ),
  ...'a A admin ADMIN Admin mcp MCP x + : @ = & , ~ - _ é ／ %EF%BC%8F %EF%BC%8E %E2%80%A5 %C4%B1 %E2%84%AA %C5%BF'.split(
    ' ',
  ),
  '\t',
  ' ',
]

const spelling = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 7 })
  .map((pieces) => `/mcp/${pieces.join('')}`)

describe('every composition of spellings that have several readings', () => {
  test.each(Object.entries(READERS))('is refused, or read as written by %s', (_name, read) => {
    let accepted = 0
    fc.assert(
      fc.property(spelling, (path) => {
        if (refusalOf(path) !== undefined) return
        expect(read(path)).toEqual(segmentsOf(path))
        accepted++
      }),
      { numRuns: 20_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })

  test('is refused, or belongs to the server that a case-insensitive router would find', () => {
    const servers = [{ path: '/mcp' }, { path: '/mcp/admin' }, { path: '/mcp/admin/x' }]
    const match = createResourceMatcher(servers, '')
    const lenient = (path: string): string | undefined =>
      servers
        .map((server) => server.path)
        .sort((a, b) => b.length - a.length)
        .find((own) =>
          new RegExp(`^${own.replaceAll('/', '\\/+')}(\\/|$)`, 'iu').test(
            decodeURIComponent(path).normalize('NFKC'),
          ),
        )
    let accepted = 0
    fc.assert(
      fc.property(spelling, (path) => {
        try {
          parseTarget(path, HOST)
          expect(match(path, () => false)?.path).toBe(lenient(path))
          accepted++
        } catch (error) {
          expect((error as { reason?: string }).reason).toBe('ambiguous-path')
        }
      }),
      { numRuns: 20_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })

  test('is refused, or passes through the URL parser unchanged', () => {
    fc.assert(
      fc.property(spelling, (path) => {
        if (refusalOf(path) === undefined) expect(new URL(`http://${HOST}${path}`).pathname).toBe(path)
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('a folded path', () => {
  test.each([
    ['/mcp/ADMIN', '/mcp/admin'],
    ['/mcp/%E2%84%AAey', '/mcp/key'],
    ['/mcp/%C5%BFafe', '/mcp/safe'],
    ['/mcp/%EF%BD%81dmin', '/mcp/admin'],
    ['/mcp/admin.', '/mcp/admin'],
    ['/mcp/admin%20', '/mcp/admin'],
  ])('of %s is %s', (path, folded) => expect(foldPath(path)).toBe(folded))
})

describe('nested servers', () => {
  const servers = [{ path: '/mcp/admin' }, { path: '/mcp' }, { path: '/other' }]
  const match = createResourceMatcher(servers, '')
  const find = (path: string) => match(path, () => false)?.path

  test.each([
    ['/mcp', '/mcp'],
    ['/mcp/', '/mcp'],
    ['/mcp/tools', '/mcp'],
    ['/mcp/administrators', '/mcp'],
    ['/mcp/admin', '/mcp/admin'],
    ['/mcp/admin/', '/mcp/admin'],
    ['/mcp/admin/x', '/mcp/admin'],
    ['/mcpx', undefined],
    ['/', undefined],
  ])('have %s at %s', (path, owner) => expect(find(path)).toBe(owner))

  test.each([
    '/mcp/ADMIN',
    '/mcp/Admin/x',
    '/mcp/admin./x',
    '/MCP',
    '/Mcp/admin',
    '/OTHER',
    '/mcp/%C4%B1',
    '/mcp/adm%C4%B1n',
  ])('refuse %s, which only a lenient router reads as theirs, or leave it where it is', (path) => {
    if (path === '/mcp/%C4%B1') return expect(find(path)).toBe('/mcp')
    expect(() => find(path)).toThrow(expect.objectContaining({ reason: 'ambiguous-path' }))
  })

  test('leave to a server at the base path what no endpoint has', () => {
    const rooted = createResourceMatcher([{ path: '/base' }, { path: '/base/inner' }], '/base')
    const isOwn = (path: string) => path === '/base/token'
    expect(rooted('/base/token', isOwn)).toBeUndefined()
    expect(rooted('/base/inner/x', isOwn)?.path).toBe('/base/inner')
    expect(rooted('/base/anything', isOwn)?.path).toBe('/base')
    expect(rooted('/base', isOwn)?.path).toBe('/base')
    expect(rooted('/elsewhere', isOwn)).toBeUndefined()
  })
})
