import { isLoopbackHost } from '../http/loopback.ts'
import { parseUrl } from '../http/parse-url.ts'

/** The metadata documents that an operator accepts. */
export interface DocumentPolicy {
  /** `client.example` or `*.example.com`, either with `:port`. Absent: every public host. */
  readonly hosts: readonly string[] | undefined
  /** Accepts http and any port on `localhost`, `127.0.0.1` and `[::1]`. For development only. */
  readonly loopback: boolean
}

/** The address is a client id, so it stands in tokens and logs. */
const MAX_LENGTH = 512

/** Names that belong to no host of the public internet, even if a resolver returns an address for them. */
const PRIVATE_NAME = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa|onion|alt)$/

/** Tells whether a client id is meant as the address of a document. */
export const isUrl = (clientId: string): boolean => /^https?:/i.test(clientId)

/**
 * Explains why an address may not be fetched for a client's metadata or keys, or returns `undefined` if it may. Looks at
 * its text only. The addresses that its host resolves to are checked when it is fetched.
 *
 * @see [Client ID Metadata Document §3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-3)
 */
export function documentUrlProblem(text: string, { hosts, loopback }: DocumentPolicy): string | undefined {
  if (text.length > MAX_LENGTH) return 'over 512 characters'
  const url = parseUrl(text)
  if (!url || !/^[\x21-\x7e]+$/.test(text)) return 'not a URL'
  // Dot segments, default ports, `127.1`, upper-case hosts and backslashes parse to another spelling.
  if (url.href !== text) return 'not in its normal spelling'
  if (url.username || url.password) return 'has user information'
  if (text.includes('#')) return 'has a fragment'
  if (url.pathname === '/') return 'has no path'
  if (isLoopbackHost(url.hostname)) return loopback ? undefined : 'on a loopback host'
  if (url.protocol !== 'https:') return 'not https'
  // A host that ends in a digit was parsed as an IPv4 address.
  if (/\d$|\]$/.test(url.hostname)) return 'its host is an address'
  if (!/^[\w-]+(\.[\w-]+)+$/.test(url.hostname)) return 'its host is not a full name'
  if (PRIVATE_NAME.test(url.hostname)) return 'its host is not public'
  if (hosts === undefined) return url.port === '' ? undefined : 'has a port'
  return hosts.some((pattern) => matchesHost(url.host, pattern)) ? undefined : 'its host is not in the list'
}

/** Tells whether a host matches a pattern. `*.` stands for one label or more, and a port has to be named. */
const matchesHost = (host: string, pattern: string): boolean =>
  pattern.startsWith('*.')
    ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length
    : host === pattern
