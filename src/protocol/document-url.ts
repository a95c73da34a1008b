import { isLoopbackHost } from '../http/loopback.ts'
/** Which documents the operator accepts. */
export interface DocumentPolicy {
  /** `client.example`, `*.example.com`, either with `:port`; absent means every public host. */
  readonly hosts: readonly string[] | undefined
  /** Also http and any port on `localhost`, `127.0.0.1` and `[::1]`: for development. */
  readonly loopback: boolean
}

/** It names a client, goes into tokens and is shown in logs. */
const MAX_LENGTH = 512

/** Names that stand for no host of the public internet, whatever a resolver makes of them. */
const PRIVATE_NAME = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa|onion|alt)$/

/** Whether a client id can only be meant as the address of a document. */
export const isUrl = (clientId: string): boolean => /^https?:/i.test(clientId)

/**
 * Why an address may not be asked for a client's metadata or keys; `undefined` where it may. Its text is all that is
 * looked at: which address the name leads to is for whoever connects.
 *
 * @see [Client ID Metadata Document §3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00#section-3)
 */
export function documentUrlProblem(text: string, { hosts, loopback }: DocumentPolicy): string | undefined {
  if (text.length > MAX_LENGTH) return 'over 512 characters'
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return 'not a URL'
  const url = new URL(text)
  // Dot segments, default ports, `127.1`, upper-case hosts and backslashes parse to something else.
  if (url.href !== text) return 'not in its normal spelling'
  if (url.username || url.password) return 'has userinfo'
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

/** `*.` stands for one label or more; a port has to be named. */
const matchesHost = (host: string, pattern: string): boolean =>
  pattern.startsWith('*.')
    ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length
    : host === pattern
