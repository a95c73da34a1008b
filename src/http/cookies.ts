import { parseCookie, serializeCookie } from 'cookie-es'
import type { HeaderFields } from './head.ts'

/** How the cookies of one proxy are named, and whether they need a secure connection. */
export interface CookieRule {
  readonly prefix: string
  readonly secure: boolean
}

/**
 * `__Host-` keeps sibling domains from planting a cookie: browsers take it only over a secure connection, for this very
 * host and for all paths.
 */
export const HOST_COOKIES: CookieRule = { prefix: '__Host-lockgate-', secure: true }

/**
 * For development at an http address on loopback, where Safari refuses the others. What they hold is sealed or compared
 * all the same; that no sibling plants one rests on a loopback host having none.
 */
export const LOOPBACK_COOKIES: CookieRule = { prefix: 'lockgate-', secure: false }

const PREFIXES = [HOST_COOKIES.prefix, LOOPBACK_COOKIES.prefix]

/** Browsers drop cookies over 4,096 bytes, name and attributes included. */
const CHUNK = 3500

/** A request, or the head of one. */
interface WithHeaders {
  readonly headers: HeaderFields
}

/** Returns our cookies of a request, by name without the prefix. */
export function readCookies({ headers }: WithHeaders, { prefix }: CookieRule): Map<string, string> {
  const found = new Map<string, string>()
  const header = headers.get('cookie')
  if (!header) return found
  for (const [name, value] of Object.entries(parseCookie(header, { decode: (text) => text }))) {
    if (name.startsWith(prefix) && value !== undefined) found.set(name.slice(prefix.length), value)
  }
  return found
}

const setCookie = ({ prefix, secure }: CookieRule, name: string, value: string, maxAge: number): string =>
  serializeCookie(prefix + name, value, {
    maxAge,
    path: '/',
    secure,
    httpOnly: true,
    // Strict would be lost on the way back from the provider.
    sameSite: 'lax',
    encode: (text: string) => text,
  })

/** Sets one value, over several cookies where it is too long for one. @param maxAge Seconds. */
export function setCookies(rule: CookieRule, name: string, value: string, maxAge: number): string[] {
  const parts = value.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? []
  return parts.map((part, index) => setCookie(rule, index === 0 ? name : `${name}.${index}`, part, maxAge))
}

/** The value that {@link setCookies} set, or `undefined`. */
export function joinCookies(cookies: ReadonlyMap<string, string>, name: string): string | undefined {
  let value = cookies.get(name)
  if (value === undefined) return undefined
  for (let index = 1; ; index++) {
    const part = cookies.get(`${name}.${index}`)
    if (part === undefined) return value
    value += part
  }
}

/** Removes a value and all its parts. */
export function clearCookies(rule: CookieRule, cookies: ReadonlyMap<string, string>, name: string): string[] {
  return [...cookies.keys()]
    .filter((key) => key === name || key.startsWith(`${name}.`))
    .map((key) => setCookie(rule, key, '', 0))
}

/** Returns whether a `Set-Cookie` header sets one of ours. */
export const isOwnCookie = (header: string): boolean =>
  PREFIXES.some((prefix) => header.trimStart().startsWith(prefix))

/** Returns a `Cookie` header without our cookies, for an MCP server. */
export function foreignCookies(header: string): string {
  return header
    .split(';')
    .filter((pair) => !PREFIXES.some((prefix) => pair.trimStart().startsWith(prefix)))
    .join(';')
    .trim()
}
