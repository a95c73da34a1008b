import { parseCookie, serializeCookie } from 'cookie-es'

/**
 * In front of every cookie's name. `__Host-` keeps sibling domains from planting one: browsers take such a
 * cookie only over a secure connection, for this very host and for all paths.
 */
const PREFIX = '__Host-lockgate-'

/** Browsers drop cookies over 4,096 bytes, name and attributes included. */
const CHUNK = 3500

/** The cookies of ours that a request carries, by name without the prefix. */
export function readCookies(request: Request): Map<string, string> {
  const found = new Map<string, string>()
  const header = request.headers.get('cookie')
  if (!header) return found
  for (const [name, value] of Object.entries(parseCookie(header, { decode: (text) => text }))) {
    if (name.startsWith(PREFIX) && value !== undefined) found.set(name.slice(PREFIX.length), value)
  }
  return found
}

const setCookie = (name: string, value: string, maxAge: number): string =>
  serializeCookie(PREFIX + name, value, {
    maxAge,
    path: '/',
    secure: true,
    httpOnly: true,
    // Strict would be lost on the way back from the provider.
    sameSite: 'lax',
    encode: (text: string) => text,
  })

/** Sets one value, over several cookies where it is too long for one. @param maxAge Seconds. */
export function setCookies(name: string, value: string, maxAge: number): string[] {
  const parts = value.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? []
  return parts.map((part, index) => setCookie(index === 0 ? name : `${name}.${index}`, part, maxAge))
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
export function clearCookies(cookies: ReadonlyMap<string, string>, name: string): string[] {
  return [...cookies.keys()]
    .filter((key) => key === name || key.startsWith(`${name}.`))
    .map((key) => setCookie(key, '', 0))
}

/** A request's `Cookie` header without ours, for whoever it is passed on to. */
export function foreignCookies(header: string): string {
  return header
    .split(';')
    .filter((pair) => !pair.trimStart().startsWith(PREFIX))
    .join(';')
    .trim()
}
