import { createBoundedMap } from '../bounded-map.ts'
import { OAuthError } from '../errors.ts'
import { ambiguousPath } from '../refusals.ts'
import { parseUrl } from './parse-url.ts'

/** A request target that every parser reads alike. */
export interface Target {
  readonly path: string
  /** The query with its question mark, or an empty string. */
  readonly search: string
}

/** Paths without escapes, empty segments or leading dots: nearly all there are. */
const PLAIN = /^(?:\/[\w~-][\w.~-]*)+$/

const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

const PATH_CHARACTERS = /^[\w.~!$&'()*+,=:@%/-]*$/

const QUERY_CHARACTERS = /^[\x21\x22\x24-\x7e]*$/

/** Escapes that hide a separator or the end of the path from one parser and not from another. */
const SEPARATORS: Readonly<Record<string, string>> = {
  '/': 'an encoded slash',
  '\\': 'an encoded backslash',
  ';': 'an encoded semicolon',
  '?': 'an encoded question mark',
  '#': 'an encoded number sign',
}

const malformedHost = (detail: string) =>
  new OAuthError('invalid_request', 'The host of the request is missing or malformed', {
    reason: 'malformed-host',
    detail,
  })

/**
 * Splits a request target into path and query. Refuses every spelling that two programs could read differently, and
 * repairs none.
 *
 * @param target A path with query, or an absolute URL, as received.
 * @param host The `Host` header. Required unless the target is absolute.
 * @throws {OAuthError} `invalid_request` with the reason `ambiguous-path` or `malformed-host`.
 * @see [RFC 9112 §3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)
 * @see [RFC 3986 §3.3](https://www.rfc-editor.org/rfc/rfc3986#section-3.3)
 */
export function parseTarget(target: string, host: string | null): Target {
  if (host !== null && host !== lastHost) assertHost(host)
  const known = passed.get(target)
  if (known && (host !== null || target.charCodeAt(0) !== SLASH)) return known
  const rest = target.charCodeAt(0) === SLASH ? target : afterAuthority(target)
  if (host === null && rest === target) throw malformedHost('no host')
  const question = rest.indexOf('?')
  const path = question < 0 ? rest : rest.slice(0, question)
  const search = question < 0 ? '' : rest.slice(question)
  if (!PLAIN.test(path)) assertPath(path)
  if (search !== '' && !QUERY_CHARACTERS.test(search))
    throw ambiguousPath('a character that no query may contain')
  const accepted = { path, search: search === '?' ? '' : search }
  if (target.length <= SHORT && search === '') passed.set(target, accepted)
  return accepted
}

const SLASH = 47

/** Targets that passed. Nearly all requests to one proxy name the same few, and the same host. */
const passed = createBoundedMap<string, Target>({ entries: 100 })
/** Characters of the longest target that is remembered. */
const SHORT = 200
let lastHost = ''

function assertHost(host: string): void {
  if (!HOST.test(host) || !parseUrl(`http://${host}/`)) throw malformedHost('not a valid host')
  lastHost = host
}

/** Checks the authority of an absolute target, and returns its path and query. */
function afterAuthority(target: string): string {
  const [, host, rest] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? []
  if (host === undefined || rest === undefined) throw malformedHost('not a URL')
  assertHost(host)
  if (rest === '') return '/'
  if (rest.charCodeAt(0) !== SLASH) throw malformedHost('not followed by a path')
  return rest
}

function assertPath(path: string): void {
  if (path === '/') return
  if (path.includes('\\')) throw ambiguousPath('a backslash')
  if (path.includes(';')) throw ambiguousPath('a semicolon')
  if (!PATH_CHARACTERS.test(path)) throw ambiguousPath('a character that no path may contain')
  if (path.includes('%')) assertEscapes(path)
  const text = decode(path)
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) throw ambiguousPath('a control character')
  // Some runtimes put it in the place of bytes that they cannot read, so that many paths become one.
  if (text.includes('\ufffd')) throw ambiguousPath('a replacement character')
  // Programs that normalise Unicode turn some characters into separators.
  const normal = text.normalize('NFKC')
  if (normal.includes('\\') || segments(normal).length !== segments(text).length) {
    throw ambiguousPath('a character that reads as a slash')
  }
  // The last segment is empty for a path with a trailing slash.
  const [, ...parts] = segments(normal)
  if (parts.slice(0, -1).includes('')) throw ambiguousPath('an empty segment')
  // Some servers drop trailing dots and spaces, so that more than `..` can name the parent.
  if (parts.some((part) => /^[. ]+$/.test(part))) throw ambiguousPath('a dot segment')
}

const segments = (path: string): string[] => path.split('/')

function assertEscapes(path: string): void {
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 1)) {
    const digits = path.slice(at + 1, at + 3)
    if (!/^[\da-f]{2}$/i.test(digits)) throw ambiguousPath('an invalid escape')
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    if (/[\w.~-]/.test(character)) throw ambiguousPath('an escape of a character that needs none')
    const separator = SEPARATORS[character]
    if (separator !== undefined) throw ambiguousPath(separator)
    if (character === '%' && /^[\da-f]{2}/i.test(path.slice(at + 3))) throw ambiguousPath('a double escape')
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw ambiguousPath('invalid UTF-8')
  }
}

/**
 * Returns a path as the most lenient router reads it: decoded, without regard to case, width and trailing dots. For
 * comparison only.
 */
export function foldPath(path: string): string {
  if (PLAIN.test(path) && !/\.(\/|$)/.test(path)) return path.toLowerCase()
  const text = decode(path).normalize('NFKC').toUpperCase().toLowerCase()
  return segments(text)
    .map((segment) => segment.replace(/[. ]+$/, ''))
    .join('/')
}
