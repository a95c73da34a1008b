import { posix, win32 } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRules } from '../../src/protocol/mcp-rules.ts'
import { compilePatterns } from '../../src/protocol/patterns.ts'
import { isPublicName, type PublicTable } from '../../src/protocol/public-messages.ts'
import { spell } from '../../src/protocol/uri-spellings.ts'
import { compileUris } from '../../src/protocol/uri-table.ts'

const SECRET = '/data/secret'
const rules = compileRules({ resources: { 'file:///data/secret': 'deny', 'file:///data/*': [], '*': [] } })

const none = compilePatterns<true>({})
const open: PublicTable = {
  tools: none,
  prompts: none,
  methods: none,
  resources: compileUris<true>({ 'file:///public/*': true, 'file:///secret*': true }, () => true),
}
const noRules = compileRules({})

const decode = (text: string) => decodeURIComponent(text)

/** How servers find the file of a URI, each as a program in use does. */
const SERVERS: Readonly<Record<string, (uri: string) => string>> = {
  'by fileURLToPath': (uri) => posix.normalize(fileURLToPath(uri)),
  'by the path of a URL': (uri) => posix.normalize(decode(new URL(uri).pathname)),
  'by the path of a URL, decoded twice': (uri) => posix.normalize(decode(decode(new URL(uri).pathname))),
  'by what follows the scheme': (uri) => posix.normalize(decode(uri.replace(/^file:\/\//i, ''))),
  'by what follows the scheme, as it is': (uri) => posix.normalize(uri.replace(/^file:\/\//i, '')),
  'without query and fragment': (uri) =>
    posix.normalize(decode(uri.replace(/^file:\/\/[^/?#]*/i, '').replace(/[?#].*$/, ''))),
  'on Windows': (uri) => win32.normalize(decode(new URL(uri).pathname)).replaceAll('\\', '/'),
}

/** The file that a server reads for a URI, in the case of letters that its disk ignores. */
function fileOf(server: (uri: string) => string, uri: string): string | undefined {
  try {
    return server(uri).replace(/\/+$/, '').toLowerCase()
  } catch {
    return undefined
  }
}

const encoded = fc
  .constantFrom('s', '.', '/', 'd', '\\', '?', '#')
  .map((char) => `%${char.charCodeAt(0).toString(16)}`)
const piece = fc.oneof(
  fc.constantFrom('/', '/', '//', '\\', '..', '.', '/../', '/./', '?', '#', '?x=/', ';', ' ', '%2f', '%2e'),
  fc.constantFrom(
    'data',
    'DATA',
    'secret',
    'Secret',
    'public',
    'd%61ta',
    '%73ecret',
    '%2573ecret',
    's%65cret',
  ),
  encoded,
  encoded.map((one) => one.replace('%', '%25')),
  fc.constantFrom('%ff', '%', '%e9'),
)
const uris = fc
  .tuple(
    fc.constantFrom(
      'file://',
      'FILE://',
      'file:///',
      'file:',
      'file:/',
      'file://localhost/',
      'file://host/',
      ' file:///',
    ),
    fc.array(piece, { maxLength: 7 }),
    fc.constantFrom('', '', '', '/data/secret', 'data/secret', '/../secret', '../data/secret'),
    fc.array(piece, { maxLength: 2 }),
  )
  .map(([start, pieces, middle, end]) => start + pieces.join('') + middle + end.join(''))

test('no server reads a file that the rules deny, or that is not public, whatever the spelling of its URI', () => {
  let reached = 0
  fc.assert(
    fc.property(uris, (uri) => {
      const readers = Object.keys(SERVERS).filter((name) => fileOf(SERVERS[name]!, uri) === SECRET)
      if (readers.length === 0) return
      reached++
      expect(rules.ofResource(uri), `${uri} is read ${readers.join(' and ')}`).toBe('deny')
      expect(isPublicName('resources', uri, open, noRules), `${uri} is public`).toBe(false)
    }),
    { numRuns: Number(process.env.URI_CASES ?? 20_000) },
  )
  expect(reached, 'the spellings are worth something').toBeGreaterThan(500)
}, 120_000)

test('an ordinary URI needs what its own rule says', () => {
  for (const uri of ['file:///public/a', 'file:///public/a/b.txt', 'file:///secrets'])
    expect(isPublicName('resources', uri, open, noRules), uri).toBe(true)
  for (const uri of ['file:///data/a', 'file:///data/secrets', 'file:///data/a/secret', 'file:///secret'])
    expect(rules.ofResource(uri), uri).toEqual([])
})

test('a URI with one reading of each kind is not examined further', () => {
  for (const [uri, path] of [
    ['note://one/two-three', 'note:one/two-three'],
    ['db:///users_1', 'db:users_1'],
    ['x+y://a.b/c', 'x+y:a.b/c'],
  ] as const) {
    expect(spell(uri)).toEqual({ whole: { urls: [uri], paths: [path] }, bare: { urls: [], paths: [] } })
    const longer = spell(`${uri}#`)
    expect(longer?.whole).toEqual({ urls: [`${uri}#`], paths: [`${path}#`] })
    expect(longer?.bare).toEqual({ urls: [uri], paths: [path] })
  }
  expect(spell('file:///data/a.txt')?.whole.paths).toEqual(['file:data/a.txt'])
  expect(spell('http://1/')?.whole.urls).toContain('http://0.0.0.1/')
  expect(spell('http:///a')?.whole.urls).toContain('http://a/')
})
