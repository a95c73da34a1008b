import type { HeaderFields } from '../http/head.ts'

/**
 * Headers for one connection only.
 *
 * @see [RFC 9110 §7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)
 */
export const HOP_BY_HOP: readonly string[] =
  'connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  )

/** Returns the headers that `Connection` declares to be for this connection only. */
export function connectionHeaders(source: HeaderFields): ReadonlySet<string> | undefined {
  const value = source.get('connection')
  if (value === null || value === 'keep-alive' || value === 'close') return undefined
  return new Set(value.split(',').map((name) => name.trim().toLowerCase()))
}
