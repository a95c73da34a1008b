import { parseCookie, serializeCookie } from 'cookie-es'
import type { HeaderFields } from './head.ts'

/** The names of the cookies of one proxy, and their need for a secure connection. */
export interface CookieRule {
  readonly prefix: string
  readonly secure: boolean
}

/**
 * The names for https. `__Host-` keeps sibling domains from planting a cookie: browsers accept it only over a secure
 * connection, for this host and for all paths.
 */
export const HOST_COOKIES: CookieRule = { prefix: '__Host-lockgate-', secure: true }

/**
 * The names for development at an http address on loopback, where Safari refuses the others. Their values are sealed or
 * compared all the same. Other ports of the host can plant them, so a sign-in there needs one more step.
 */
export const LOOPBACK_COOKIES: CookieRule = { prefix: 'lockgate-', secure: false }

/** A part of every name of ours. */
const NAME = 'lockgate-'
const PREFIXES = [HOST_COOKIES.prefix, LOOPBACK_COOKIES.prefix]

/** The size of one part of a value, in bytes. Browsers drop cookies over 4,096 bytes, with name and attributes. */
const CHUNK = 3500

/**
 * The size of all pending cookies in one request, in bytes, and their number. Pending are those of sign-ins under way. With
 * the session, which is below 700 bytes, they stay below the 4 KiB that many servers read of a header.
 */
const MAX_BYTES = 3300
const MAX_PENDING = 6

/** A request, or the head of one. */
interface WithHeaders {
  readonly headers: HeaderFields
}

/** Returns our cookies of a request, by name without the prefix. */
export function readCookies({ headers }: WithHeaders, { prefix }: CookieRule): Map<string, string> {
  const found = new Map<string, string>()
  const header = headers.get('cookie')
  if (!header) return found
  const own = pairsOf(header).filter((pair) => pair.startsWith(prefix))
  for (const [name, value] of Object.entries(parseCookie(own.join('; '), { decode: (text) => text }))) {
    if (value !== undefined) found.set(name.slice(prefix.length), value)
  }
  return found
}

/**
 * Splits a `Cookie` header. Some runtimes join several fields with commas. A comma ends a cookie of ours, because none
 * contains one. After another cookie it may be a part of the value, which a sibling domain may have planted. Nothing is
 * therefore read from behind it.
 */
function pairsOf(header: string): string[] {
  return header.split(';').flatMap((part) => {
    const pairs: string[] = []
    let rest = part.trim()
    while (isOwnCookie(rest)) {
      const comma = rest.indexOf(',')
      pairs.push(comma < 0 ? rest : rest.slice(0, comma).trimEnd())
      rest = comma < 0 ? '' : rest.slice(comma + 1).trimStart()
    }
    return rest === '' ? pairs : [...pairs, rest]
  })
}

const setCookie = ({ prefix, secure }: CookieRule, name: string, value: string, maxAge: number): string =>
  serializeCookie(prefix + name, value, {
    maxAge,
    path: '/',
    secure,
    httpOnly: true,
    // A strict cookie would be missing in the response of the provider.
    sameSite: 'lax',
    encode: (text: string) => text,
  })

/**
 * Returns the cookies that set one value: several if it is too long for one.
 *
 * @param maxAge Seconds.
 */
export function setCookies(rule: CookieRule, name: string, value: string, maxAge: number): string[] {
  const parts = value.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? []
  return parts.map((part, index) => setCookie(rule, index === 0 ? name : `${name}.${index}`, part, maxAge))
}

/** Returns the value that {@link setCookies} set, or `undefined`. */
export function joinCookies(cookies: ReadonlyMap<string, string>, name: string): string | undefined {
  let value = cookies.get(name)
  if (value === undefined) return undefined
  for (let index = 1; ; index++) {
    const part = cookies.get(`${name}.${index}`)
    if (part === undefined) return value
    value += part
  }
}

/** Returns the cookies that remove a value and all its parts. */
export function clearCookies(rule: CookieRule, cookies: ReadonlyMap<string, string>, name: string): string[] {
  return [...cookies.keys()]
    .filter((key) => key === name || key.startsWith(`${name}.`))
    .map((key) => setCookie(rule, key, '', 0))
}

/** Returns whether a `Set-Cookie` header sets one of ours. */
export const isOwnCookie = (header: string): boolean =>
  PREFIXES.some((prefix) => header.trimStart().startsWith(prefix))

/** Behind a comma. Whether it is a cookie or a part of one, an MCP server does not get it. */
const HIDDEN = new RegExp(`,\\s*(?:${PREFIXES.join('|')})[^,]*`, 'g')

/** Returns a `Cookie` header without our cookies, for an MCP server. */
export function foreignCookies(header: string): string {
  if (!header.includes(NAME)) return header
  return pairsOf(header)
    .filter((pair) => !isOwnCookie(pair))
    .map((pair) => pair.replace(HIDDEN, ''))
    .join('; ')
}

/**
 * Returns the cookies that make room for a new one. The oldest pending ones are removed first, so that all together stay
 * within what servers read of a header, however many sign-ins were abandoned.
 *
 * @param cookies Our cookies of the request, the oldest first, as browsers send them.
 * @param added The cookies that the response sets.
 * @param isPending Tells whether a cookie may be removed.
 * @param beside The names of cookies that stay, and that count.
 */
export function makeRoom(
  rule: CookieRule,
  cookies: ReadonlyMap<string, string>,
  added: readonly string[],
  isPending: (name: string) => boolean,
  beside: readonly string[] = [],
): string[] {
  const sizeOf = (name: string, value: string) => rule.prefix.length + name.length + value.length + 3
  let size = added.reduce((sum, line) => sum + line.indexOf(';') + 2, 0)
  for (const [name, value] of cookies)
    if (isPending(name) || beside.includes(name)) size += sizeOf(name, value)
  const pending = [...cookies.keys()].filter((name) => isPending(name) && !name.includes('.'))
  const removed: string[] = []
  for (let left = pending.length; left > 0 && (size > MAX_BYTES || left >= MAX_PENDING); left--) {
    const oldest = pending[pending.length - left]!
    for (const [name, value] of cookies) {
      if (name === oldest || name.startsWith(`${oldest}.`)) size -= sizeOf(name, value)
    }
    removed.push(...clearCookies(rule, cookies, oldest))
  }
  return removed
}
