import { isAscii, parseUrl } from '../http/parse-url.ts'

/** Schemes whose hosts every server reads without regard to case. */
const SPECIAL = /^(?:https?|wss?|ftp|file):\/\/[^/\\?#]*/

/** Returns a URI with its scheme in lower case, and its host if it has a common scheme. */
export const withPlainScheme = (text: string): string =>
  /[A-Z]/.test(text)
    ? text
        .replace(/^[a-z][a-z0-9+.-]*:/i, (scheme) => scheme.toLowerCase())
        .replace(SPECIAL, (start) => start.toLowerCase())
    : text

/** Returns what one program or another makes of a text, and leaves all its parts in it. */
export function changes(text: string): readonly string[] {
  return [
    text.trim(),
    decoded(text),
    composed(text),
    ...parsed(text),
    withPlainHost(text),
    ...withPlainPaths(text),
  ]
    .filter((one) => one !== text)
    .map(withPlainScheme)
}

/** Escapes that are valid UTF-8. A pattern costs less than an exception for each part that is not. */
const ESCAPES = (() => {
  const [next, low, high] = ['%[89ab][0-9a-f]', '%[89][0-9a-f]', '%[ab][0-9a-f]']
  const two = `%(?:c[2-9a-f]|d[0-9a-f])${next}`
  const three = `(?:%e0${high}|%e[1-9a-cef]${next}|%ed${low})${next}`
  const four = `(?:%f0%[9ab][0-9a-f]|%f[1-3]${next}|%f4%8[0-9a-f])${next}${next}`
  return new RegExp(`(?:%[0-7][0-9a-f]|${two}|${three}|${four})+`, 'gi')
})()

/** Decodes what can be decoded, and leaves the rest: a part that is not valid must not hide another one. */
export const decoded = (text: string): string =>
  text.includes('%') ? text.replace(ESCAPES, (run) => decodeURIComponent(run)) : text

/** Returns a text with characters that are compatible with others replaced by those: full-width dots by dots. */
export const composed = (text: string): string => (isAscii(text) ? text : text.normalize('NFKC'))

/** Returns a URI as a URL parser reads it. Servers of files may also ignore the host. */
function parsed(text: string): readonly string[] {
  const url = parseUrl(text)
  if (!url) return []
  const { href, protocol, pathname, search, hash } = url
  return (protocol === 'file:' ? [href, `file://${pathname}${search}${hash}`] : [href]).map(decoded)
}

const AUTHORITY = /^([a-z][a-z0-9+.-]*:\/\/)([^/\\?#]*)/i
/** An authority as RFC 3986 §B parts it. */
const WIDE_AUTHORITY = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i

/** Returns a URI without the dots at the end of its host: they name the same host. */
export const withPlainHost = (text: string): string =>
  text.includes('.')
    ? text.replace(
        AUTHORITY,
        (_all, scheme: string, authority: string) => scheme + authority.replace(DOTS, ''),
      )
    : text

/** Only the last character of a run is looked at, so that many dots cost no more than one. */
const DOTS = /(?<!\.)\.+(?=:\d*$|$)/

/**
 * The beginning up to the path, the path, and what follows, as programs part them. Some end a host at a backslash, and some
 * know no query.
 */
const PARTS = [
  /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/\\?#]*)?)([^?#]*)(.*)$/is,
  /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/?#]*)?)([^?#]*)(.*)$/is,
  /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/\\?#]*)?)(.*)()$/is,
] as const

/** What parts a path into segments. A backslash does on Windows, and is a part of a name elsewhere. */
const BETWEEN = [/\/+/, /[\\/]+/] as const

/** Returns the patterns that can differ for a text: most have no backslash and no query. */
const partsOf = (text: string): readonly RegExp[] =>
  PARTS.filter((_, at) => at === 0 || (at === 1 ? text.includes('\\') : /[?#]/.test(text)))
const betweenOf = (text: string): readonly RegExp[] => (text.includes('\\') ? BETWEEN : BETWEEN.slice(0, 1))

/** A path that is not plain, also before a query. */
const NOT_PLAIN = /\/\/|(?:^|\/)\.{1,2}(?:[/?#]|$)|\\/
/** The beginning of a URI whose host counts. */
const BEGINNING = /^(?!file:)[a-z][a-z0-9+.-]*:(?:\/\/)?/i

/** Returns a URI with plain paths. The host of a file does not count. */
function withPlainPaths(text: string): readonly string[] {
  const beginning = BEGINNING.exec(text)?.[0]
  if (beginning !== undefined && !NOT_PLAIN.test(text.slice(beginning.length))) return []
  return partsOf(text).flatMap((parts) => {
    const [, start = '', path = '', end = ''] = parts.exec(text) ?? []
    const before = start.replace(/^file:\/\/.*/is, 'file://')
    return betweenOf(text).map((between) => before + plainPath(path, between) + end)
  })
}

/** Returns a path without dot segments and repeated slashes. */
function plainPath(path: string, between: RegExp): string {
  if (!NOT_PLAIN.test(path)) return path
  const segments: string[] = []
  for (const segment of path.split(between)) {
    if (segment === '..') segments.splice(Math.max(segments.length - 1, segments[0] === '' ? 1 : 0))
    else if (segment !== '.') segments.push(segment)
  }
  if (/(^|[\\/])\.{1,2}$/.test(path)) segments.push('')
  return segments.length === 1 && segments[0] === '' && path !== '' ? '/' : segments.join('/')
}

/** Returns a URI as programs read it that take everything after the scheme for a path. */
export const asPaths = (text: string): readonly string[] => {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:)?(.*)$/is.exec(text) ?? []
  const cut = rest.search(/[?#]/)
  const parts =
    cut < 0
      ? [[rest, '']]
      : [
          [rest.slice(0, cut), rest.slice(cut)],
          [rest, ''],
        ]
  return parts.flatMap(([path = '', end = '']) =>
    betweenOf(path).map((between) => scheme + belowRoot(path, between) + end),
  )
}

/** Returns a path without the slashes at its beginning, and without a way above it. */
const belowRoot = (path: string, between: RegExp): string =>
  plainPath(`/${path}`, between).replace(/^\/+/, '')

/** Returns a URI without its fragment, its query, its user or its port. */
export function withLess(text: string): readonly string[] {
  const less: string[] = []
  const fragment = text.indexOf('#')
  const query = text.search(/[?#]/)
  if (fragment >= 0) less.push(text.slice(0, fragment))
  if (query >= 0 && query !== fragment) less.push(text.slice(0, query))
  for (const authority of text.includes('\\') ? [AUTHORITY, WIDE_AUTHORITY] : [AUTHORITY]) {
    const [start = '', scheme = '', host = ''] = authority.exec(text) ?? []
    const rest = text.slice(start.length)
    const users = new Set([host.indexOf('@'), host.lastIndexOf('@')])
    for (const at of users) if (at >= 0) less.push(scheme + host.slice(at + 1) + rest)
    // Some parsers end a host at its first colon, also where no number follows.
    const bare = /^(?:\[[^\]]*\]|[^:[])*(?=:)/.exec(host.slice(host.lastIndexOf('@') + 1))?.[0]
    if (bare !== undefined) less.push(scheme + host.slice(0, host.lastIndexOf('@') + 1) + bare + rest)
  }
  return less
}
