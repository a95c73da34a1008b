import { isLoopbackHost } from '../http/loopback.ts'

/** What the operator allows beyond https and loopback redirect URIs. */
export interface RedirectPolicy {
  /** Private-use schemes such as `cursor://…`: real clients live there, and PKCE is mandatory. */
  readonly customSchemes: boolean
  /** Lets `localhost`, `127.0.0.1` and `[::1]` stand for each other. */
  readonly loopbackAliases: boolean
}

const MAX_LENGTH = 2048

/** Schemes that a browser or the system handles: they run script, read files or open something that is no client. */
const BROWSER_SCHEMES = new Set(
  (
    'about blob brave chrome chrome-extension content data edge file filesystem ftp intent jar javascript ldap ' +
    'mailto moz-extension opera resource search-ms sms ssh tel telnet urn vbscript view-source vivaldi ws wss'
  ).split(' '),
)

/** The parsed URI where it is a safe redirect target, spelled exactly as it will be compared. */
function parse(uri: string, policy: RedirectPolicy): URL | undefined {
  // Printable ASCII without the characters that parsers disagree about or that look like a wildcard.
  if (uri.length > MAX_LENGTH || !/^[\x21-\x7e]+$/.test(uri) || /[\\"<>`{}|^*#]/.test(uri)) return undefined
  let url: URL
  try {
    url = new URL(uri)
  } catch {
    return undefined
  }
  // One spelling only: dot segments, `127.1`, upper-case hosts or default ports parse to something else.
  if (url.href !== uri && url.href !== `${uri}/`) return undefined
  if (url.username || url.password || /%2e/i.test(url.pathname)) return undefined
  const scheme = url.protocol.slice(0, -1)
  if (scheme === 'https') return url.hostname.endsWith('.') ? undefined : url
  if (scheme === 'http') return isLoopbackHost(url.hostname) ? url : undefined
  if (!policy.customSchemes || BROWSER_SCHEMES.has(scheme) || scheme.startsWith('ms-')) return undefined
  // A reversed domain name (RFC 8252 §7.1), or `scheme://…` as editors use it. `myapp:/cb` is neither.
  return uri.startsWith(scheme.includes('.') ? `${scheme}:/` : `${scheme}://`) ? url : undefined
}

/**
 * Whether a client may register `uri`: absolute, without fragment or userinfo, https, http on a loopback
 * host, or a private-use scheme.
 *
 * @see [OAuth 2.1 §2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.3)
 */
export const isRegistrable = (uri: string, policy: RedirectPolicy): boolean =>
  parse(uri, policy) !== undefined

/** Whether `uri` leads to an application on the user's own computer over http. */
export function isLoopback(uri: string): boolean {
  const url = URL.parse?.(uri) ?? (URL.canParse(uri) ? new URL(uri) : undefined)
  return url?.protocol === 'http:' && isLoopbackHost(url.hostname)
}

/**
 * Whether `requested` is one of the registered redirect URIs: the same text, or the same loopback URI on
 * another port.
 *
 * @see [RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)
 */
export function matchesRedirectUri(
  requested: string,
  registered: readonly string[],
  policy: RedirectPolicy,
): boolean {
  const url = parse(requested, policy)
  if (!url) return false
  if (registered.includes(requested)) return true
  if (!isLoopback(requested)) return false
  return registered.some((uri) => {
    if (!isLoopback(uri)) return false
    const other = new URL(uri)
    return (
      (other.hostname === url.hostname || policy.loopbackAliases) &&
      other.pathname === url.pathname &&
      other.search === url.search
    )
  })
}

/** Appends response parameters and keeps the URI's own query; `undefined` values are left out. */
export function withResponse(uri: string, params: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const mark = uri.indexOf('?')
  const base = mark < 0 ? uri : uri.slice(0, mark)
  const names = new Set(['code', 'state', 'iss', 'error', 'error_description', 'error_uri'])
  // Text, not URLSearchParams: what the client registered comes back byte for byte.
  const query = mark < 0 ? '' : uri.slice(mark + 1)
  const own = (query === '' ? [] : query.split('&')).filter(
    (pair) => !names.has(decodeURIComponentSafe(pair.split('=', 1)[0]!)),
  )
  const added = given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `${base}?${[...own, ...added].join('&')}`
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What a person should read of a redirect URI: its host, or for a private-use scheme the scheme. */
export function describeRedirect(uri: string): { kind: 'web' | 'loopback' | 'app'; target: string } {
  const url = new URL(uri)
  if (url.protocol === 'https:') return { kind: 'web', target: url.host }
  if (isLoopback(uri)) return { kind: 'loopback', target: url.host }
  return { kind: 'app', target: `${url.protocol}//${url.host}` }
}
