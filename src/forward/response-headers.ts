import { isOwnCookie } from '../http/cookies.ts'
import { exposeTo } from '../http/cors.ts'
import type { HeaderFields } from '../http/head.ts'
import { connectionHeaders, HOP_BY_HOP } from './hop-by-hop.ts'
import { SESSION_HEADER } from './sessions.ts'

/** Headers of an MCP server that are about another origin than the public one. */
const DROPPED = new Set([
  ...HOP_BY_HOP,
  // Challenges are the proxy's: an MCP server names its own metadata there.
  'www-authenticate',
  'alt-svc',
])

/** Headers that hold one address. */
const ADDRESSES = new Set(['location', 'content-location'])

/**
 * Returns the headers of a response for the client.
 *
 * @param rewrite.address Returns an address as the client may see it, or `undefined` to drop its header.
 * @param rewrite.session Returns the client's id of a session, or `undefined` to drop its header.
 * @param origin The browser page that called, if one did.
 */
export function responseHeaders(
  source: HeaderFields,
  rewrite: {
    readonly address: (address: string) => string | undefined
    readonly session: (id: string) => string | undefined
  },
  origin: string | null,
): [string, string][] {
  const named = connectionHeaders(source)
  // The framing of RFC 9112 §6.3: with a transfer coding, a length says nothing.
  const isChunked = source.has('transfer-encoding')
  const headers: [string, string][] = []
  source.forEach((value, field) => {
    const name = field.toLowerCase()
    if (DROPPED.has(name) || named?.has(name) || (isChunked && name === 'content-length')) return
    if (name === 'set-cookie' && isOwnCookie(value)) return
    const change = ADDRESSES.has(name)
      ? rewrite.address
      : name === SESSION_HEADER
        ? rewrite.session
        : undefined
    if (!change) {
      headers.push([name, value])
      return
    }
    // Node lists a repeated field, and other runtimes join it. What is translated reaches the client once.
    const changed = headers.some(([one]) => one === name) ? undefined : change(source.get(name) ?? value)
    if (changed !== undefined) headers.push([name, changed])
  })
  if (origin !== null) exposeTo(headers, origin)
  return headers
}
