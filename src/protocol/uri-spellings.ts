import { asPaths, changes, composed, decoded, withLess, withPlainScheme } from './uri-changes.ts'

/** The ways in which servers may read one URI, in the case of letters that it has. */
export interface Readings {
  /** As a scheme, a host and a path. */
  readonly urls: readonly string[]
  /** As a scheme and a path, of which the host is the first part: `docs:public/a` for `docs://public/a`. */
  readonly paths: readonly string[]
}

export interface Spellings {
  readonly whole: Readings
  /** Without a query, a fragment, a user or a port: some servers ignore them. */
  readonly bare: Readings
}

/** Characters of the longest URI, and of its longest reading. */
const LONGEST = 8192
/** Characters that may be written to find the readings of one URI: they are what it costs. */
const MOST_WRITTEN = 100_000
/** The most readings of one kind. Only a URI that was packed again and again has more. */
const MOST = 96
/** What each text costs besides its characters. */
const EACH = 32
/** A URI with one reading of each kind, as most are: nothing to decode, to part in two ways, or for a URL parser to change. */
const PLAIN =
  /^(?!https?:|wss?:|ftp:|file:\/\/[^/])([a-z][a-z0-9+.-]*:)\/\/\/?([a-z0-9_-]+(?:[./][a-z0-9_-]+)*)$/
const NONE: Readings = { urls: [], paths: [] }

/**
 * Returns how servers may read a URI: as it is, as a URL parser writes it, decoded, in compatible characters (NFKC), and with a
 * plain path. Returns `undefined` for one with too many readings: no server needs those.
 *
 * @see [RFC 3986 §6.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2)
 */
export function spell(uri: string): Spellings | undefined {
  if (uri.length > LONGEST) return undefined
  const plain = PLAIN.exec(uri)
  if (plain) return { whole: { urls: [uri], paths: [`${plain[1]}${plain[2]}`] }, bare: NONE }
  const room = { characters: MOST_WRITTEN }
  const known = { urls: new Set<string>(), paths: new Set<string>() }
  const read = (start: readonly string[], isBare: boolean): Readings | undefined => {
    const urls = spread(start, known.urls, room, (text) => [
      ...changes(text),
      ...(isBare ? withLess(text) : []),
    ])
    const paths =
      urls &&
      spread(urls.flatMap(asPaths), known.paths, room, (text) =>
        [decoded(text), composed(text)].filter((one) => one !== text).flatMap(asPaths),
      )
    return paths && { urls, paths }
  }
  const whole = read([withPlainScheme(uri)], false)
  const bare = whole && read(whole.urls.flatMap(withLess), true)
  return bare && { whole, bare }
}

/**
 * Returns texts and all that becomes of them, without those that are known. Returns `undefined` if there is no room for them,
 * or if a text may end early.
 */
function spread(
  start: readonly string[],
  known: Set<string>,
  room: { characters: number },
  next: (text: string) => readonly string[],
): readonly string[] | undefined {
  const found: string[] = []
  const add = (text: string): boolean => {
    room.characters -= text.length + EACH
    if (known.has(text)) return room.characters >= 0
    known.add(text)
    found.push(text)
    return found.length <= MOST && room.characters >= 0 && text.length <= LONGEST && !text.includes('\0')
  }
  if (!start.every(add)) return undefined
  // The loop also visits what it adds.
  for (const text of found) if (!next(text).every(add)) return undefined
  return found
}
