import { OAuthError } from '../errors.ts'
import { edited } from '../forward/editor.ts'
import { endable, isSurelyEventStream } from '../forward/endable.ts'
import type { OpenStream } from '../forward/passage.ts'
import { claimsOf } from '../forward/request-headers.ts'
import {
  LARGEST_LIST,
  type Reshape,
  reshapeBody,
  reshapedHeaders,
  streamEditor,
  tracked,
} from '../forward/reshape.ts'
import { SESSION_HEADER, type Session } from '../forward/sessions.ts'
import type { Admission } from '../guard/admission.ts'
import { readBytes } from '../http/capped-body.ts'
import type { HeaderFields } from '../http/head.ts'
import type { Auth } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import { covers, type ScopeTable } from '../protocol/scope.ts'
import { serverError } from '../refusals.ts'

/** Keeps the refusal that `auth.require` threw, because libraries catch what a tool throws. */
export interface Refused {
  error?: OAuthError | undefined
}

/** Returns the `auth` of one request. For a caller without a token it has no `user`. */
export function authFor(
  { auth, isAnonymous }: Admission,
  resource: Resource,
  table: ScopeTable,
  refused: Refused = {},
): Auth {
  const has = (...scopes: readonly string[]) => covers(auth.scopes, scopes, table)
  const require = (...scopes: readonly string[]): void => {
    if (has(...scopes)) return
    const needed = [...new Set([...resource.scopes, ...scopes])]
    refused.error = isAnonymous
      ? new OAuthError('invalid_token', 'This needs a sign-in', {
          reason: 'token-lacks-scope',
          scope: needed,
        })
      : new OAuthError('insufficient_scope', `This needs the scope ${needed.join(' ')}`, {
          reason: 'token-lacks-scope',
          scope: needed,
        })
    throw refused.error
  }
  if (!isAnonymous) {
    // A spread with more members after it takes microseconds in V8.
    const { token, clientId, scopes, expiresAt, resource: url, extra, user, upstream } = auth
    // A handler may change its list. The next request of the token must not see that.
    const own = [...scopes]
    return { token, clientId, scopes: own, expiresAt, resource: url, extra, user, upstream, has, require }
  }
  // The types of a server without `public` promise a user, and such a server has no caller without a token.
  const stranger = { scopes: [], resource: auth.resource, has, require }
  return stranger as unknown as Auth
}

/** Returns the refusal for an exception of a handler: the {@link OAuthError} that it threw to refuse, or `server_error`. */
export function handlerRefusal(cause: unknown): OAuthError {
  try {
    return cause instanceof OAuthError ? cause : serverError({ reason: 'handler-failed', cause })
  } catch {
    // A proxy object may throw at every touch.
    return serverError({ reason: 'handler-failed' })
  }
}

/**
 * Checks the response of a handler.
 *
 * @throws {TypeError} For a status or a body that the Fetch standard allows in no response. Bun builds them all the same.
 */
export function assertValid(response: Response): void {
  const { status } = response
  if (!(status >= 200 && status <= 599))
    throw new TypeError(`The handler responded with the status ${status}`)
  if ((status === 204 || status === 205 || status === 304) && response.body !== null)
    throw new TypeError(`The handler responded with a body to the status ${status}`)
}

/**
 * Returns the request for a handler: with the handler's own id of the session, and without what only the proxy may tell.
 *
 * @param fields The headers of the request.
 * @param identityHeaders Headers of signed identities, in lower case.
 */
export function forHandler(
  request: Request,
  fields: HeaderFields,
  { outer, inner, resumes }: Session,
  identityHeaders: readonly string[],
): Request {
  const claims = claimsOf(fields, identityHeaders, resumes)
  if ((outer ?? undefined) === inner && !claims) return request
  const headers = new Headers(request.headers)
  for (const name of claims ?? []) headers.delete(name)
  if (inner === undefined) headers.delete(SESSION_HEADER)
  else headers.set(SESSION_HEADER, inner)
  return new Request(request, { headers })
}

/** Returns the response to HEAD that belongs to one to GET. */
export function withoutBody(response: Response): Response {
  if (response.body === null) return response
  response.body.cancel().catch(() => {})
  const { status, statusText, headers } = response
  return new Response(null, { status, statusText, headers })
}

/** Returns a handler's response, with the client's id of the session. */
export function withSession(response: Response, session: Session): Response {
  const inner = response.headers.get(SESSION_HEADER)
  if (inner === null) return response
  const outer = session.toClient(inner)
  if (outer === inner) return response
  const headers = new Headers(response.headers)
  if (outer === undefined) headers.delete(SESSION_HEADER)
  else headers.set(SESSION_HEADER, outer)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

const malformed = (message: string) =>
  new OAuthError('bad_gateway', message, { reason: 'mcp-server-malformed' })

/** Returns a handler's response as the client may see it. */
export async function reshapeResponse(
  reshape: Reshape,
  response: Response,
  { isStream, stream }: { readonly isStream: boolean; readonly stream: OpenStream },
): Promise<Response> {
  const { status, headers, body } = response
  const open = tracked(stream, reshape)
  // A client could read as JSON a list that was looked for in events.
  if (isStream && reshape.changes && !isSurelyEventStream(headers.get('content-type'))) {
    body?.cancel().catch(() => {})
    throw malformed('The MCP server sent an unclear content type')
  }
  reshape.answered?.(status)
  const list: [string, string][] = []
  headers.forEach((value, name) => void list.push([name, value]))
  if (body && !isStream && reshape.whole(status)) {
    const bytes = await readBytes(body, { limit: LARGEST_LIST }).catch(() => undefined)
    const changed = reshapeBody(reshape, bytes, headers)
    open.closed()
    if (changed)
      return new Response(changed.length > 0 ? changed : null, { status, headers: reshapedHeaders(list) })
    throw malformed('The MCP server sent a list that is not valid')
  }
  const edit = isStream ? streamEditor(reshape) : reshape.watch?.()
  if (!body || !edit) {
    open.closed()
    return response
  }
  const kept =
    isStream && reshape.changes ? reshapedHeaders(list) : list.filter(([name]) => name !== 'content-length')
  return new Response(endable(edited(body, edit), open), { status, headers: kept })
}
