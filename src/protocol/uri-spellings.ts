/**
 * Returns the spellings in which a server may read a URI, or `undefined` for one with too many: no server needs those. All
 * are in lower case, because servers compare schemes and hosts without regard to case, and some of them paths too.
 */
export type Spell = (uri: string) => readonly string[] | undefined

/** The most spellings of one URI. Only a URI that was packed again and again has more. */
const MOST = 64
/** Characters of the longest URI. */
const LONGEST = 16_384
/** A URI with one spelling, as most are: nothing to decode, to part in two ways, or for a URL parser to change. */
const PLAIN = /^(?!https?:|wss?:|ftp:|file:\/\/[^/])[a-z][a-z0-9+.-]*:\/\/\/?[a-z0-9_-]+(?:[./][a-z0-9_-]+)*$/

/**
 * Returns the spellings for a table: as the URI is, as a URL parser writes it, decoded, and with a plain path. A fragment
 * is left out, and so is a query unless a pattern of the table has one: servers of files ignore both.
 *
 * @see [RFC 3986 §6.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2)
 */
export function createSpell(patterns: readonly string[]): Spell {
  const keepsQuery = patterns.some((pattern) => pattern.includes('?'))
  return (uri) => {
    if (uri.length > LONGEST) return undefined
    if (PLAIN.test(uri)) return [uri]
    const all = new Set([uri.toLowerCase()])
    // The loop also visits what it adds.
    for (const text of all) {
      if (text.includes('\0') || all.size > MOST) return undefined
      all.add(decoded(text).toLowerCase())
      for (const one of parsed(text)) all.add(one.toLowerCase())
      for (const one of withPlainPaths(text, keepsQuery)) all.add(one)
    }
    return [...all]
  }
}

/** Adds the spellings of every URI that is no pattern. Of two values for one spelling, `join` makes one. */
export function withSpellings<T>(
  table: Readonly<Record<string, T>>,
  { spell, join }: { readonly spell: Spell; readonly join: (one: T, other: T) => T },
): Record<string, T> {
  const all: Record<string, T> = Object.create(null)
  for (const [uri, value] of Object.entries(table)) {
    const names = uri.includes('*') ? undefined : spell(uri)
    for (const name of names ?? [uri.toLowerCase()]) {
      const other = all[name]
      all[name] = other === undefined ? value : join(other, value)
    }
  }
  return all
}

/** Adds each URI that is no pattern with a slash at its end, or without the one that it has. */
export const withSlashes = <T>(table: Readonly<Record<string, T>>): Record<string, T> => {
  const toggled = Object.entries(table)
    .filter(([uri]) => !uri.includes('*') && !uri.includes('?'))
    .map(([uri, value]) => [uri.endsWith('/') ? uri.slice(0, -1) : `${uri}/`, value] as const)
  return { ...Object.fromEntries(toggled), ...table }
}

/** Decodes what can be decoded, and leaves the rest: a part that is not valid must not hide another one. */
const decoded = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run.replace(/%[0-7][0-9a-f]/gi, (one) => decodeURIComponent(one))
    }
  })

/** Returns a URI as a URL parser writes it. Servers of files may also ignore the host. */
function parsed(text: string): readonly string[] {
  if (!URL.canParse(text)) return []
  const { href, protocol, pathname, search } = new URL(text)
  return protocol === 'file:' ? [href, `file://${pathname}${search}`] : [href]
}

/**
 * The beginning up to the path, the path, and the query, as programs part them. Some end a host at a backslash, and some know
 * no query.
 */
const PARTS = [
  /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/\\?#]*)?)([^?#]*)(\?[^#]*)?/,
  /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/?#]*)?)([^?#]*)(\?[^#]*)?/,
  /^((?:[a-z][a-z0-9+.-]*:)?(?:\/\/[^/\\?#]*)?)(.*)$/s,
]

/** What parts a path into segments. A backslash does on Windows, and is a part of a name elsewhere. */
const BETWEEN = [/\/+/, /[\\/]+/]

/** Returns a URI in lower case with plain paths. The host of a file does not count. */
const withPlainPaths = (text: string, keepsQuery: boolean): readonly string[] =>
  PARTS.flatMap((parts) => {
    const [, start = '', path = '', query = ''] = parts.exec(text) ?? []
    const before = start.replace(/^file:\/\/.*/s, 'file://')
    const after = keepsQuery ? query : ''
    return BETWEEN.map((between) => before + plainPath(path, between) + after)
  })

/** Returns a path without dot segments and repeated slashes. */
function plainPath(path: string, between: RegExp): string {
  const segments: string[] = []
  for (const segment of path.split(between)) {
    if (segment === '..') segments.splice(Math.max(segments.length - 1, segments[0] === '' ? 1 : 0))
    else if (segment !== '.') segments.push(segment)
  }
  if (/(^|[\\/])\.{1,2}$/.test(path)) segments.push('')
  return segments.length === 1 && segments[0] === '' && path !== '' ? '/' : segments.join('/')
}
