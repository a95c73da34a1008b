import { isLoopbackHost } from '../http/loopback.ts'
import { parseUrl } from '../http/parse-url.ts'

/** The redirect URIs that an operator accepts in addition to https and http on a loopback host. */
export interface RedirectPolicy {
  /** Private-use schemes such as `cursor://…`. Real clients use them, and PKCE is mandatory. */
  readonly customSchemes: boolean
  /** Treats `localhost`, `127.0.0.1` and `[::1]` as equal. */
  readonly loopbackAliases: boolean
}

const MAX_LENGTH = 2048

/**
 * Schemes that a browser, a shell or the system handles: they run script or a program, read files, reach another machine or
 * open something that is not a client.
 */
const HANDLED_SCHEMES = new Set(
  (
    'about blob brave chrome content data edge file filesystem firefox internal jar mk mhtml opera res resource vivaldi ' +
    'wyciwyg ecmascript javascript jscript livescript mocha perlscript vbs vbscript ' +
    'applescript hcp help jnlp jnlps man search shell terminal x-man-page ' +
    'android-app android-resource apt flatpak intent market snap ' +
    'afp bzr cifs cvs dav davs ftp ftps git gopher hg nfs rdp rlogin rsh rsync scp sftp smb ssh svn telnet tftp tn3270 ' +
    'vnc webdav webdavs ' +
    'callto cid dict ed2k facetime facetime-audio feed feeds finger geo imap imaps irc ircs ldap ldapi ldaps magnet ' +
    'mailto maps mid mms mmsh mmst mmsto news nntp pop rtmp rtsp sip sips sms smsto snews tel urn wais webcal webcals ' +
    'ws wss xmpp'
  ).split(' '),
)

/**
 * Families of such schemes. `+` joins a scheme with the one that carries it, as in `git+ssh` and `web+app`, and one letter is
 * a drive of Windows.
 */
const HANDLED_FAMILIES = /\+|^(?:chrome-|itms|microsoft-edge|moz-|ms-|safari-|search-|view-|x-apple|.$)/

/**
 * Explains why a client may not register `uri`, or returns `undefined` if it may. A redirect URI is absolute, without
 * fragment or userinfo, and in its normal spelling. Its scheme is https, http on a loopback host, or private-use.
 *
 * @returns A predicate without subject, such as `has a fragment`.
 * @see [OAuth 2.1 §2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.3)
 */
export function redirectUriProblem(uri: string, policy: RedirectPolicy): string | undefined {
  if (uri.length > MAX_LENGTH) return 'is over 2,048 characters'
  if (uri.includes('#')) return 'has a fragment'
  // Printable ASCII, without the characters that parsers read differently or that look like a wildcard.
  if (!/^[\x21-\x7e]+$/.test(uri) || /[\\"<>`{}|^*]/.test(uri)) return 'has characters that are not allowed'
  const url = parseUrl(uri)
  if (!url) return 'is not an absolute URL'
  // Dot segments, `127.1`, upper-case hosts and default ports parse to another spelling.
  if (url.href !== uri && url.href !== `${uri}/`) return 'is not in its normal spelling'
  if (url.username || url.password) return 'has user information'
  if (/%2e/i.test(url.pathname)) return 'has an encoded dot'
  const scheme = url.protocol.slice(0, -1)
  if (scheme === 'https') return url.hostname.endsWith('.') ? 'has a host with a trailing dot' : undefined
  if (scheme === 'http')
    return isLoopbackHost(url.hostname) ? undefined : 'uses http on a host that is not loopback'
  if (HANDLED_SCHEMES.has(scheme) || HANDLED_FAMILIES.test(scheme)) return 'has a scheme that is not allowed'
  if (!policy.customSchemes) return 'has a private-use scheme'
  // A reversed domain name (RFC 8252 §7.1), or `scheme://…` as editors use it. `myapp:/cb` is neither.
  const start = scheme.includes('.') ? `${scheme}:/` : `${scheme}://`
  return uri.startsWith(start) ? undefined : 'has a private-use scheme without a host'
}

/** Tells whether a client may register `uri`. */
export const isRegistrable = (uri: string, policy: RedirectPolicy): boolean =>
  redirectUriProblem(uri, policy) === undefined

/** Tells whether `uri` leads to an application on the user's own computer over http. */
export function isLoopback(uri: string): boolean {
  const url = parseUrl(uri)
  return url?.protocol === 'http:' && isLoopbackHost(url.hostname)
}

/**
 * Tells whether `requested` is one of the registered redirect URIs: the same text, or the same loopback URI on another
 * port.
 *
 * @see [RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)
 */
export function matchesRedirectUri(
  requested: string,
  registered: readonly string[],
  policy: RedirectPolicy,
): boolean {
  if (!isRegistrable(requested, policy)) return false
  if (registered.includes(requested)) return true
  if (!isLoopback(requested)) return false
  const url = new URL(requested)
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

/** A redirect URI as events and pages show it: without its query, at most 200 printable characters. */
export function printableUri(uri: string): string {
  const printable = uri
    .split(/[?#]/, 1)[0]!
    .replace(/[^\x21-\x7e]+/g, ' ')
    .trim()
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable
}

/** Appends response parameters and keeps the URI's own query. Leaves out `undefined` values. */
export function withResponse(uri: string, params: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const mark = uri.indexOf('?')
  const base = mark < 0 ? uri : uri.slice(0, mark)
  const names = new Set(['code', 'state', 'iss', 'error', 'error_description', 'error_uri'])
  // Text instead of URLSearchParams, so that the registered query returns byte for byte.
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

/** Returns the part of a redirect URI that a user should read: its host, or its scheme if that is private-use. */
export function describeRedirect(uri: string): { kind: 'web' | 'loopback' | 'app'; target: string } {
  const url = new URL(uri)
  if (url.protocol === 'https:') return { kind: 'web', target: url.host }
  if (isLoopback(uri)) return { kind: 'loopback', target: url.host }
  return { kind: 'app', target: `${url.protocol}//${url.host}` }
}
