import type { Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { carry } from '../forward/carry.ts'
import { createPassage } from '../forward/create-passage.ts'
import type { Destination } from '../forward/destinations.ts'
import { endable, isEventStream } from '../forward/endable.ts'
import type { Passage, Verdict } from '../forward/passage.ts'
import { identityHeaders } from '../forward/request-headers.ts'
import { createSessions, SESSION_HEADER, type Session, UNBOUND_SESSIONS } from '../forward/sessions.ts'
import type { Exchange } from '../forward/streams.ts'
import type { Admission } from '../guard/admission.ts'
import { allowOrigin } from '../http/cors.ts'
import type { McpHandler } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import { actionOf, isListening } from '../protocol/mcp-request.ts'
import { serverError } from '../refusals.ts'
import type { Refusals } from './mcp-refusal.ts'
import type { Visit } from './mcp-visit.ts'

/**
 * Lets a request pass.
 *
 * @param token The provider's access token, if the MCP server gets it.
 * @throws {OAuthError} `too_many_requests` if too many streams are open.
 */
export type Pass = (visit: Visit, admission: Admission, token: string | undefined) => Verdict

/** Returns the way of admitted requests to the MCP server of a resource. */
export function createPass(
  resource: Resource,
  ctx: Context,
  { about, respond, missingScopes, noSession }: Refusals,
): Pass {
  const { settings, destinations, streams } = ctx
  const destination = destinations.of(resource)
  const sessions = resource.bindsSessions ? createSessions(ctx.sealer) : UNBOUND_SESSIONS
  /** The headers about the user: the same for every request of one admission. */
  const identities = new WeakMap<Admission, [string, string][]>()

  function identityOf(admission: Admission): [string, string][] {
    let headers = identities.get(admission)
    if (!headers) {
      headers = identityHeaders(resource.forward, admission)
      identities.set(admission, headers)
    }
    return headers
  }

  function report({ head, call }: Visit, admission: Admission, status: number, began: number): void {
    if (!call.isHeard) return
    const duration = Math.round(performance.now() - began)
    call.emit({ type: 'forwarded', ...about(admission), status, duration, action: actionOf(head) })
  }

  /** Counts the request as open. Called last, so that a failure leaves nothing counted. */
  const begin = ({ call }: Visit, admission: Admission): Exchange => {
    call.keepOpen()
    return streams.begin(admission, call.isBound)
  }

  function passageTo(
    destination: Destination,
    visit: Visit,
    admission: Admission,
    { token, session }: { token: string | undefined; session: Session },
  ): Passage {
    const { head, call, origin } = visit
    const began = call.isHeard ? performance.now() : 0
    const told = {
      identity: identityOf(admission),
      authorization: token === undefined ? undefined : `Bearer ${token}`,
      session: session.inner,
      address: call.clientAddress(),
      publicHost: settings.publicHost,
      publicScheme: settings.publicScheme,
    }
    return createPassage({
      head,
      destination,
      destinations,
      told,
      exchange: begin(visit, admission),
      session,
      listening: isListening(head),
      origin,
      renew: token === undefined ? undefined : () => admission.auth.upstream.accessToken({ refused: token }),
      challenge: (scope) => missingScopes(visit, scope),
      report: (status) => report(visit, admission, status, began),
      refuse: (error) => respond(visit, error, admission),
    })
  }

  /** Lets a server in this process respond. */
  async function handle(
    request: Request,
    { handler, session, exchange }: { handler: McpHandler; session: Session; exchange: Exchange },
    visit: Visit,
    admission: Admission,
  ): Promise<Response> {
    const { head, call, origin } = visit
    const began = call.isHeard ? performance.now() : 0
    try {
      let response = withSession(await ask(handler, forHandler(request, session), admission), session)
      report(visit, admission, response.status, began)
      if (isEventStream(response.headers.get('content-type')) && response.body) {
        response = new Response(endable(response.body, exchange.stream(isListening(head))), response)
      } else exchange.closed()
      if (origin === null) return response
      // The headers of a response that came from `fetch` cannot be changed.
      return allowOrigin(new Response(response.body, response), origin)
    } catch (error) {
      exchange.closed()
      return respond(visit, error, admission)
    }
  }

  return (visit, admission, token) => {
    const { auth } = admission
    const owner = { resource: resource.id, user: auth.user.id, client: auth.clientId }
    const session = sessions.open(visit.head.headers, owner)
    if (typeof session === 'string') return { type: 'answer', response: noSession(visit, admission, session) }
    if ('handler' in resource.target) {
      const { handler } = resource.target
      const given = { handler, session, exchange: begin(visit, admission) }
      return { type: 'handle', handle: (request) => handle(request, given, visit, admission) }
    }
    const passage = passageTo(destination!, visit, admission, { token, session })
    const { mcpFetch } = settings
    if (!mcpFetch) return { type: 'forward', passage }
    return {
      type: 'handle',
      handle: (request) => carry(request, passage, mcpFetch, visit.call.left(request)),
    }
  }
}

/** @throws {OAuthError} The one that the handler throws to refuse, or `server_error` for any other exception. */
async function ask(handler: McpHandler, request: Request, { auth }: Admission): Promise<Response> {
  try {
    return await handler(request, auth)
  } catch (cause) {
    throw cause instanceof OAuthError ? cause : serverError({ reason: 'handler-failed', cause })
  }
}

/** Returns the request for a handler, with the handler's own id of the session. */
function forHandler(request: Request, { inner }: Session): Request {
  const outer = request.headers.get(SESSION_HEADER)
  if (outer === null || outer === inner) return request
  const headers = new Headers(request.headers)
  if (inner === undefined) headers.delete(SESSION_HEADER)
  else headers.set(SESSION_HEADER, inner)
  return new Request(request, { headers })
}

/** Returns a handler's response, with the client's id of the session. */
function withSession(response: Response, { toClient }: Session): Response {
  const inner = response.headers.get(SESSION_HEADER)
  const outer = inner === null ? undefined : toClient(inner)
  if (inner === null || outer === inner) return response
  const headers = new Headers(response.headers)
  if (outer === undefined) headers.delete(SESSION_HEADER)
  else headers.set(SESSION_HEADER, outer)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}
