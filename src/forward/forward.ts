import { OAuthError } from '../errors.ts'
import { foreignCookies } from '../http/cookies.ts'
import type { Auth } from '../options/auth.ts'
import type { ForwardMode } from '../options/options.ts'
import type { Fetch } from '../ports.ts'

/** Meant for one connection only. @see [RFC 9110 §7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1) */
const HOP_BY_HOP =
  'connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  )

const OWN_HEADERS = 'x-lockgate-'

/** Where a request goes and on whose behalf. */
export interface Forwarding {
  readonly target: URL
  readonly mode: ForwardMode
  readonly auth: Auth
  readonly clientName: string
  /** Public origin, told to the server behind. */
  readonly origin: string
}

/**
 * Passes a request on and its answer back, both as streams. The client's own credentials stay here.
 *
 * @throws {OAuthError} `bad_gateway` where the server behind does not answer, or refuses this proxy; `invalid_token`
 * where it refused the provider's token, which has been refreshed since.
 */
export async function forward(request: Request, forwarding: Forwarding, fetch: Fetch): Promise<Response> {
  const { target, mode, auth } = forwarding
  const headers = requestHeaders(request.headers, forwarding)
  const token = mode === 'upstream-token' ? await auth.upstream.accessToken() : undefined
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  const hasBody = carriesBody(request)
  const init: RequestInit & { duplex?: 'half' } = {
    method: request.method,
    headers,
    redirect: 'manual',
    signal: request.signal,
    // Without `half`, Node and Deno refuse to send a stream.
    ...(hasBody && { body: request.body, duplex: 'half' }),
  }
  let response: Response
  try {
    response = await fetch(target.href, init)
  } catch (cause) {
    // Nobody is left to read an answer.
    if (request.signal.aborted) return new Response(null, { status: 499 })
    throw new OAuthError('bad_gateway', 'The MCP server behind this proxy does not answer', {
      reason: 'mcp-server-unreachable',
      cause,
    })
  }
  if (response.status === 401 && token !== undefined) {
    await response.body?.cancel()
    await auth.upstream.accessToken({ refused: token })
    // There is another one now, and the body of the request is gone. This makes clients refresh theirs and ask again.
    throw new OAuthError('invalid_token', 'The sign-in was renewed, ask again', {
      reason: 'provider-token-renewed',
    })
  }
  if (response.status === 401) {
    // It refuses the proxy, not the user: a challenge here would send the client round in circles.
    await response.body?.cancel()
    throw new OAuthError('bad_gateway', 'The MCP server behind this proxy refuses it', {
      reason: 'mcp-server-refuses',
    })
  }
  return new Response(response.body, { status: response.status, headers: responseHeaders(response.headers) })
}

/** Some runtimes have an empty stream where there is no body, and would pass it on as one. */
function carriesBody({ method, headers, body }: Request): boolean {
  if (body === null || method === 'GET' || method === 'HEAD') return false
  const announced = headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
  return announced || method === 'POST'
}

function requestHeaders(source: Headers, forwarding: Forwarding): Headers {
  const { auth, mode, origin } = forwarding
  const headers = withoutHopByHop(source)
  for (const name of [...headers.keys()]) if (name.startsWith(OWN_HEADERS)) headers.delete(name)
  headers.delete('authorization')
  headers.delete('host')
  // Runtimes set it themselves where they know the length of a stream.
  headers.delete('content-length')
  // What the runtime would unpack on the way, it could not pass on as it came.
  headers.set('accept-encoding', 'identity')
  const cookies = headers.get('cookie')
  if (cookies !== null) {
    const rest = foreignCookies(cookies)
    if (rest) headers.set('cookie', rest)
    else headers.delete('cookie')
  }
  const { host, protocol } = new URL(origin)
  headers.set('x-forwarded-host', host)
  headers.set('x-forwarded-proto', protocol.slice(0, -1))
  if (mode === 'nothing') return headers
  const identity = {
    'user-id': auth.user.id,
    // A server behind cannot ask further: it hears of no address that anybody may have typed.
    'user-email': auth.user.emailVerified ? auth.user.email : undefined,
    'user-name': auth.user.name,
    'client-id': auth.clientId,
    'client-name': forwarding.clientName,
    scope: auth.scopes.join(' '),
    grant: typeof auth.extra.grant === 'string' ? auth.extra.grant : undefined,
    provider: auth.upstream.provider,
  }
  for (const [name, value] of Object.entries(identity)) {
    if (value !== undefined) headers.set(OWN_HEADERS + name, toHeaderValue(value))
  }
  return headers
}

function responseHeaders(source: Headers): Headers {
  const headers = withoutHopByHop(source)
  // `fetch` has unpacked the body already, and counts nothing.
  if (headers.has('content-encoding')) {
    headers.delete('content-encoding')
    headers.delete('content-length')
  }
  return headers
}

function withoutHopByHop(source: Headers): Headers {
  const headers = new Headers(source)
  const named = (source.get('connection') ?? '').split(',').map((name) => name.trim().toLowerCase())
  for (const name of [...HOP_BY_HOP, ...named]) if (/^[\w-]+$/.test(name)) headers.delete(name)
  return headers
}

/** Header values are ASCII: anything else is percent-encoded, and so is the percent sign. */
const toHeaderValue = (text: string): string =>
  text.replace(/[^\x20-\x24\x26-\x7e]/gu, (char) =>
    encodeURIComponent(/[\ud800-\udfff]/u.test(char) ? '\ufffd' : char),
  )
