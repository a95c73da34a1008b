import { posix } from 'node:path'
import fc from 'fast-check'
import { compileRules } from '../../src/protocol/mcp-rules.ts'
import { compilePatterns } from '../../src/protocol/patterns.ts'
import { isPublicName } from '../../src/protocol/public-messages.ts'
import { compileUris } from '../../src/protocol/uri-table.ts'

/** Returns what a server reads, as segments of which a host is the first, or `undefined` if it refuses. */
export type Reader = (uri: string) => string | undefined

const decode = (text: string) => decodeURIComponent(text)
const cut = (text: string) => text.replace(/[?#].*$/s, '')
const afterScheme = (uri: string) => /^[a-z][a-z0-9+.-]*:[\\/]*(.*)$/is.exec(uri)?.[1] ?? ''
/** A host without a user, a port, or the dots at its end. */
const bareHost = (authority: string) =>
  authority.replace(/^.*@/s, '').replace(/:\d*$/, '').replace(/\.+$/, '')

/** A program that trusts the parser of its runtime. */
const byUrl =
  (times: number): Reader =>
  (uri) => {
    const { hostname, pathname } = new URL(uri)
    let [host, path] = [hostname, pathname]
    for (let n = 0; n < times; n++) [host, path] = [decode(host), decode(path)]
    return bareHost(host) + posix.join('/', path)
  }

/** A program that parts a URI as RFC 3986 §B does. */
const byParts = (uri: string): string | undefined => {
  const [, authority = '', path = ''] = /^[^:/?#]+:(?:\/\/([^/?#]*))?([^?#]*)/s.exec(uri) ?? []
  return bareHost(decode(authority)) + posix.join('/', decode(path))
}

/** A program that takes what follows the scheme for a path: templates such as `docs://{+path}`. */
const byPath =
  (...steps: readonly ((text: string) => string)[]): Reader =>
  (uri) =>
    posix
      .join(
        '/',
        steps.reduce((text, step) => step(text), afterScheme(uri)),
      )
      .slice(1)

const windows = (text: string) => text.replaceAll('\\', '/')
const compatible = (text: string) => text.normalize('NFKC')

export const READERS: Readonly<Record<string, Reader>> = {
  'by a URL parser': byUrl(0),
  'by a URL parser, decoded': byUrl(1),
  'by a URL parser, decoded twice': byUrl(2),
  'by a URL parser, in compatible characters': (uri) => byUrl(1)(compatible(uri)),
  'by the parts of RFC 3986': byParts,
  'by the parts of a decoded URI': (uri) => byParts(decode(uri)),
  'by the parts, in compatible characters': (uri) => byParts(compatible(decode(uri))),
  'by what follows the scheme': byPath(),
  'by what follows the scheme, without a query': byPath(cut),
  'by what follows the scheme, decoded': byPath(decode),
  'by what follows the scheme, cut and decoded': byPath(cut, decode),
  'by what follows the scheme, decoded and cut': byPath(decode, cut),
  'by what follows the scheme, decoded three times': byPath(decode, decode, decode),
  'by what follows the scheme, with backslashes': byPath(decode, windows),
  'by what follows the scheme, in compatible characters': byPath(compatible, decode, compatible),
  'by what follows the scheme as a URL parser writes it': (uri) => byPath(decode)(new URL(uri).href),
}

/** Returns whether a server reads what is private: it may ignore case, and store names in compatible characters. */
export const isPrivate = (read: string | undefined): boolean =>
  /^private\/+[^/]/.test(
    posix
      .normalize(compatible(read ?? ''))
      .toUpperCase()
      .toLowerCase(),
  )

export function readsPrivate(reader: Reader, uri: string): boolean {
  try {
    return isPrivate(reader(uri))
  } catch {
    return false
  }
}

const SCHEMES = ['docs', 'https'] as const
const both = <T>(path: string, value: T) =>
  Object.fromEntries(SCHEMES.map((scheme) => [`${scheme}://${path}`, value]))
const rules = compileRules({ resources: { ...both('private/*', 'deny' as const), ...both('*', []) } })
const detailed = compileRules({
  resources: { ...both('private/*', 'deny' as const), 'search://x?q=*': [], 'db://u@h:1/*#x': [] },
})
const none = compilePatterns<true>({})
const open = {
  tools: none,
  prompts: none,
  methods: none,
  resources: compileUris<true>(both('public/*', true), () => true),
}

/** Returns what lets a URI of a private resource through. */
export const holes = (uri: string): readonly string[] => [
  ...(rules.ofResource(uri) === 'deny' ? [] : ['rules']),
  ...(detailed.ofResource(uri) === 'deny' ? [] : ['rules beside one with a query']),
  ...(isPublicName('resources', uri, open, compileRules({})) ? ['public'] : []),
]

const escaped = (char: string) =>
  [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
const WIDE: Readonly<Record<string, string>> = {
  '.': '．',
  '/': '／',
  s: 'ſ',
  p: 'ｐ',
  a: 'ª',
  '\\': '＼',
  '?': '？',
  '@': '＠',
}

const ANY = ['', '', '', '', '1', '2', '3', 'wide', 'upper', 'wide1', 'soft'] as const
/** Spellings in Latin-1, which some runtimes keep and read otherwise than longer characters. */
const LATIN = ['', '', '', 'soft'] as const

/** A text with some characters in other spellings: escaped up to three times, full-width, in upper case, or before a soft hyphen. */
const spelled = (text: string, all: readonly string[]): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...all), { minLength: text.length, maxLength: text.length }).map((ways) =>
    [...text]
      .map((char, at) => {
        const way = ways[at]!
        if (way === 'upper') return char.toUpperCase()
        if (way === 'soft') return `${char}\u00ad`
        let one = way.startsWith('wide') ? (WIDE[char] ?? char) : char
        const depth = Number(way.replace('wide', ''))
        for (let n = 0; n < depth; n++) one = n === 0 ? escaped(one) : one.replaceAll('%', '%25')
        return one
      })
      .join(''),
  )

const part = (...texts: string[]) =>
  fc
    .constantFrom(...texts)
    .chain((text) => fc.oneof(fc.constant(text), spelled(text, ANY), spelled(text, LATIN)))
const start = fc.constantFrom(
  ...[
    'docs://',
    'docs://',
    'DOCS://',
    'docs:///',
    'docs:/',
    'docs:',
    ' docs://',
    'https://',
    'https://',
    'HTTPS:',
    'https:\\\\',
  ],
)
const user = fc.constantFrom('', '', '', 'u@', 'u:p@', '@', 'a@b@', 'public@', 'u%40')
const port = fc.constantFrom('', '', '', ':', ':80', ':443', '.', '.:443', '..')
const piece = part(
  '/',
  '/',
  '/../',
  '/..',
  '..',
  '/./',
  '//',
  '\\',
  '\\..\\',
  'private',
  'private/keys',
  'public',
  'x',
  '?',
  '#',
  '?x=/',
  ';',
)

/** URIs of which many reach what is private in one reader, and few in all. */
export const uris: fc.Arbitrary<string> = fc
  .tuple(
    start,
    user,
    part('public', 'public', 'private', 'private', '..', '.', 'x'),
    port,
    fc.array(piece, { maxLength: 4 }),
    fc.constantFrom('', '', '/keys', '/../private/keys', '/private/keys', '/keys?', '/keys?x=1', '/keys#x'),
  )
  // In one piece, as a JSON parser makes them: a runtime may read others by other code.
  .map(([scheme, who, host, end, pieces, last]) =>
    JSON.parse(JSON.stringify(scheme + who + host + end + pieces.join('') + last)),
  )
