import { foreignCookies } from '../http/cookies.ts'
import type { HeaderFields } from '../http/head.ts'
import type { ForwardMode } from '../options/options.ts'
import { connectionHeaders, HOP_BY_HOP } from './hop-by-hop.ts'
import { LAST_EVENT_HEADER, SESSION_HEADER } from './sessions.ts'

/** Prefix of the headers that tell the MCP server about the user. Only the proxy sets them. */
const OWN_HEADERS = 'x-lockgate-'

/** Header names with this prefix describe the client's connection. The proxy replaces all of them. */
const FORWARDED_HEADERS = 'x-forwarded-'

/**
 * Headers of the client that the MCP server never sees: credentials, framing, and the names by which proxies and vendors
 * tell a client's address, host or path. The proxy does not vouch for what a client writes there.
 */
const DROPPED = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'host',
  // The client knows a session by a sealed id.
  SESSION_HEADER,
  // It is sent on in its exact spelling, with its own session only.
  LAST_EVENT_HEADER,
  // The carrier knows the length, and sets it.
  'content-length',
  // An interim response would have to pass through the proxy.
  'expect',
  // A packed response would have to be unpacked on the way.
  'accept-encoding',
  // A program behind a CGI-like interface would send its own requests through it.
  'proxy',
  ...'forwarded x-forwarded x-real-ip x-client-ip client-ip x-cluster-client-ip x-remote-ip x-remote-addr'.split(
    ' ',
  ),
  ...'true-client-ip x-original-forwarded-for x-originating-ip x-original-host x-host x-scheme front-end-https'.split(
    ' ',
  ),
  ...'x-original-url x-rewrite-url x-original-uri x-original-remote-addr x-url-scheme x-proxyuser-ip'.split(
    ' ',
  ),
  ...'cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 fastly-client-ip fly-client-ip do-connecting-ip'.split(
    ' ',
  ),
  ...'x-azure-clientip x-azure-socketip x-appengine-user-ip x-appengine-remote-addr incap-client-ip'.split(
    ' ',
  ),
  ...'x-nf-client-connection-ip x-envoy-external-address x-vercel-forwarded-for x-vercel-proxied-for'.split(
    ' ',
  ),
  ...'x-arr-clientip x-sucuri-clientip x-nginx-real-ip ali-cdn-real-ip cdn-src-ip x-http-host-override'.split(
    ' ',
  ),
  ...'cloudfront-viewer-address x-akamai-client-ip akamai-client-ip wl-proxy-client-ip proxy-client-ip'.split(
    ' ',
  ),
])

/** The values that the proxy itself adds to a request. */
export interface Told {
  /** The identity of the user, from {@link identityHeaders}. */
  readonly identity: readonly (readonly [string, string])[]
  readonly authorization: string | undefined
  /** The header of the signed identity, in lower case. A client's own is removed. */
  readonly assertionHeader?: string | undefined
  /** The MCP server's own id of the session. */
  readonly session: string | undefined
  /** `true` if the request may name the last event of a stream that broke. */
  readonly resumes?: boolean
  /** The client's address, if the runtime or a trusted proxy told it. */
  readonly address: string | undefined
  readonly publicHost: string
  readonly publicScheme: string
}

/** Returns the headers for the MCP server: the client's without its credentials, then the proxy's own. */
export function requestHeaders(source: HeaderFields, told: Told): [string, string][] {
  const named = connectionHeaders(source)
  const headers: [string, string][] = []
  source.forEach((value, field) => {
    const name = field.toLowerCase()
    const isKept = name === LAST_EVENT_HEADER && told.resumes === true
    if ((!isKept && isDropped(name, told.assertionHeader)) || named?.has(name)) return
    const kept = name === 'cookie' ? foreignCookies(value) : value
    if (kept !== '' || name !== 'cookie') headers.push([name, kept])
  })
  headers.push(['accept-encoding', 'identity'])
  if (told.session !== undefined) headers.push([SESSION_HEADER, told.session])
  if (told.address !== undefined) {
    headers.push(['x-forwarded-for', told.address], ['x-real-ip', told.address])
  }
  headers.push(['x-forwarded-host', told.publicHost], ['x-forwarded-proto', told.publicScheme])
  headers.push(...(told.identity as [string, string][]))
  if (told.authorization !== undefined) headers.push(['authorization', told.authorization])
  return headers
}

/** Programs behind a CGI-like interface read `X_Real.IP` and `x-real-ip` as one name, so that one rule covers both. */
const fold = (name: string): string => (/[^a-z0-9-]/.test(name) ? name.replace(/[^a-z0-9]/g, '-') : name)

const isDisguised = (name: string, folded: string): boolean =>
  folded !== name && (folded === SESSION_HEADER || folded === LAST_EVENT_HEADER)

/** @param others Further headers of signed identities, in lower case. */
const tellsIdentity = (folded: string, others: readonly string[]): boolean =>
  folded.startsWith(OWN_HEADERS) || others.includes(folded)

/** Returns a header that a CGI-like server reads as the id of a session or of an event, and this proxy does not. */
export function disguisedSession(source: HeaderFields): string | undefined {
  let found: string | undefined
  source.forEach((_value, field) => {
    const name = field.toLowerCase()
    const folded = fold(name)
    if (isDisguised(name, folded)) found ??= field
  })
  return found
}

/**
 * Returns the first header in which a client claims an identity, in any spelling.
 *
 * @param others Further headers of signed identities, in lower case.
 */
export function claimedIdentity(source: HeaderFields, others: readonly string[] = []): string | undefined {
  let found: string | undefined
  source.forEach((_value, field) => {
    const folded = fold(field.toLowerCase())
    if (tellsIdentity(folded, others)) found ??= field
  })
  return found
}

/**
 * Returns the headers of a client that a handler in this process must not get. They claim an identity, name a session or an
 * event in another spelling, or name an event of another session.
 *
 * @param others Further headers of signed identities, in lower case.
 * @param resumes `true` if the request may name the last event of a stream that broke.
 * @returns `undefined` if there are none.
 */
export function claimsOf(
  source: HeaderFields,
  others: readonly string[],
  resumes: boolean,
): readonly string[] | undefined {
  let found: string[] | undefined
  source.forEach((_value, field) => {
    const name = field.toLowerCase()
    if (!mayClaim(name, others)) return
    const folded = fold(name)
    const isForeignEvent = name === LAST_EVENT_HEADER && !resumes
    if (!isForeignEvent && !tellsIdentity(folded, others) && !isDisguised(name, folded)) return
    found ??= []
    found.push(name)
  })
  return found
}

/** Returns `false` for most headers of a request at little cost: folding never changes a letter, nor makes one. */
function mayClaim(name: string, others: readonly string[]): boolean {
  const first = name.charCodeAt(0)
  if (first < LETTER_A || first > LETTER_Z) return true
  if (first === OWN_FIRST || first === SESSION_FIRST || first === EVENT_FIRST) return true
  for (const other of others) if (other.charCodeAt(0) === first) return true
  return false
}

const LETTER_A = 'a'.charCodeAt(0)
const LETTER_Z = 'z'.charCodeAt(0)
const OWN_FIRST = OWN_HEADERS.charCodeAt(0)
const SESSION_FIRST = SESSION_HEADER.charCodeAt(0)
const EVENT_FIRST = LAST_EVENT_HEADER.charCodeAt(0)

/** Headers that describe the body, and say what it asks for. Parameters of tools may have any name. */
const OF_THE_REQUEST = /^(content-|mcp-(?!param-))/

function isDropped(name: string, assertion: string | undefined): boolean {
  const folded = fold(name)
  return (
    folded === assertion ||
    // In another spelling nothing has compared it with the body.
    (folded !== name && OF_THE_REQUEST.test(folded)) ||
    DROPPED.has(folded) ||
    folded.startsWith(OWN_HEADERS) ||
    folded.startsWith(FORWARDED_HEADERS)
  )
}

/** The parts of an admission that headers tell about. */
interface Identified {
  readonly auth: {
    readonly clientId: string
    readonly scopes: readonly string[]
    readonly user: {
      readonly id: string
      readonly email?: string | undefined
      readonly emailVerified: boolean
      readonly name?: string | undefined
    }
  }
  readonly clientName: string
  readonly grant: string | undefined
  readonly provider: string | undefined
  readonly isAnonymous?: true
}

/** Returns the headers that tell the MCP server about the user. */
export function identityHeaders(mode: ForwardMode, admission: Identified): [string, string][] {
  if (mode === 'nothing' || admission.isAnonymous) return []
  const { auth, clientName, grant, provider } = admission
  const identity = {
    'user-id': auth.user.id,
    // An MCP server cannot tell a verified address from one that a user typed.
    'user-email': auth.user.emailVerified ? auth.user.email : undefined,
    'user-name': auth.user.name,
    'client-id': auth.clientId,
    'client-name': clientName,
    scope: auth.scopes.join(' '),
    grant,
    provider,
  }
  return Object.entries(identity).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[OWN_HEADERS + name, toHeaderValue(value)]],
  )
}

/** Percent-encodes everything but ASCII, and the percent sign. */
const toHeaderValue = (text: string): string =>
  text.replace(/[^\x20-\x24\x26-\x7e]/gu, (char) =>
    encodeURIComponent(/[\ud800-\udfff]/u.test(char) ? '\ufffd' : char),
  )
