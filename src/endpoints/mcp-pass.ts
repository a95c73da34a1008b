import type { Context } from '../context.ts'
import { carry } from '../forward/carry.ts'
import { createPassage } from '../forward/create-passage.ts'
import type { Destination } from '../forward/destinations.ts'
import { endable, isEventStream } from '../forward/endable.ts'
import type { Decided, Passage } from '../forward/passage.ts'
import { identityHeaders } from '../forward/request-headers.ts'
import type { Reshape } from '../forward/reshape.ts'
import { createSessions, NO_OWNER, type Session, UNBOUND_SESSIONS } from '../forward/sessions.ts'
import type { Exchange } from '../forward/streams.ts'
import type { Admission } from '../guard/admission.ts'
import { allowOrigin } from '../http/cors.ts'
import type { McpHandler } from '../options/auth.ts'
import type { Resource } from '../options/options.ts'
import type { RpcBody } from '../protocol/json-rpc.ts'
import { actionOf, actionOfMessages, isListening } from '../protocol/mcp-request.ts'
import { createAudit } from './mcp-audit.ts'
import type { Bearing, Bearings } from './mcp-bearing.ts'
import {
  authFor,
  forHandler,
  handlerRefusal,
  reshapeResponse,
  validResponse,
  withSession,
} from './mcp-handler.ts'
import type { Refusals } from './mcp-refusal.ts'
import { createReshape } from './mcp-reshape.ts'
import type { Visit } from './mcp-visit.ts'

/** An admitted request, with its messages if it was inspected. */
interface Passing {
  readonly admission: Admission
  readonly body: RpcBody | undefined
}

/** A request that was inspected. */
interface Inspected {
  /** Absent if the request has no body. */
  readonly body: RpcBody | undefined
  /** It counts as open already. */
  readonly exchange: Exchange
}

/**
 * Lets a request pass.
 *
 * @param bearing The credentials for the MCP server.
 * @throws {OAuthError} `too_many_requests` if too many streams are open.
 */
export type Pass = (visit: Visit, admission: Admission, bearing: Bearing, inspected?: Inspected) => Decided

/** Returns the way of admitted requests to the MCP server of a resource. */
export function createPass(resource: Resource, ctx: Context, refusals: Refusals, { source }: Bearings): Pass {
  const { about, respond, missingScopes, noSession } = refusals
  const { settings, destinations, streams } = ctx
  const destination = destinations.of(resource)
  const sessions = resource.bindsSessions ? createSessions(ctx.sealer) : UNBOUND_SESSIONS
  const assertionHeaders = resource.identity ? [resource.identity.header] : []
  const starting = { starts: true, upgrades: resource.inspection?.public?.upgrades }
  const going = { ...starting, starts: false }
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

  function report({ head, call }: Visit, { admission, body }: Passing, status: number, began: number): void {
    if (!call.isHeard) return
    const duration = Math.round(performance.now() - began)
    const action = body ? actionOfMessages(body.messages) : actionOf(head)
    call.emit({ type: 'forwarded', ...about(admission), status, duration, action })
  }

  const { inspection } = resource
  const filter = inspection && createReshape(inspection, { path: resource.path, scopes: settings.scopes })
  const audit = inspection?.audit && createAudit(inspection.audit, refusals)

  /** Returns the way to change or watch the response. */
  function reshapeFor(visit: Visit, { admission, body }: Passing): Reshape | undefined {
    const own = filter?.(visit, admission, body)
    return audit && body && visit.call.isHeard ? audit(visit, admission, body, own) : own
  }

  const listens = ({ head }: Visit, { body }: Passing): boolean =>
    body ? body.messages.some(({ method }) => method === 'subscriptions/listen') : isListening(head)

  /** Counts the request as open. Called last, so that a failure leaves nothing counted. */
  const begin = ({ call }: Visit, admission: Admission): Exchange => {
    call.keepOpen()
    return streams.begin(admission, call.isBound)
  }

  function passageTo(
    destination: Destination,
    visit: Visit,
    passing: Passing,
    { bearing, session, inspected }: { bearing: Bearing; session: Session; inspected: Inspected | undefined },
  ): Passage {
    const { head, call, origin } = visit
    const { admission } = passing
    const began = call.isHeard ? performance.now() : 0
    const { token, assertion } = bearing
    const header = resource.identity?.header
    const plain = identityOf(admission)
    const told = {
      identity: assertion === undefined ? plain : [...plain, [header!, assertion] as const],
      assertionHeader: header,
      authorization: token === undefined ? undefined : `Bearer ${token}`,
      session: session.inner,
      resumes: session.resumes,
      address: call.clientAddress(),
      publicHost: settings.publicHost,
      publicScheme: settings.publicScheme,
    }
    return createPassage({
      head,
      destination,
      destinations,
      told,
      exchange: inspected?.exchange ?? begin(visit, admission),
      session,
      listening: listens(visit, passing),
      origin,
      reshape: reshapeFor(visit, passing),
      renew: token === undefined ? undefined : () => source!.token(admission, token),
      resends: source?.renews === true,
      challenge: (scope) => missingScopes(visit, scope),
      report: (status) => report(visit, passing, status, began),
      refuse: (error) => respond(visit, error, admission),
    })
  }

  /** Lets a server in this process respond. */
  async function handle(
    request: Request,
    { handler, session, exchange }: { handler: McpHandler; session: Session; exchange: Exchange },
    visit: Visit,
    passing: Passing,
  ): Promise<Response> {
    const { call, origin } = visit
    const { admission } = passing
    const began = call.isHeard ? performance.now() : 0
    const reshape = reshapeFor(visit, passing)
    const { auth, refused } = authFor(admission, resource, settings.scopes)
    const fail = (error: unknown): Response => {
      exchange.closed()
      reshape?.over?.()
      return respond(visit, error, admission)
    }
    let response: Response
    try {
      response = validResponse(
        await handler(forHandler(request, visit.head.headers, session, assertionHeaders), auth),
      )
    } catch (error) {
      return fail(handlerRefusal(error))
    }
    try {
      response = withSession(response, session)
      // The body last, because Bun makes its stream when it is read.
      const isStream = isEventStream(response.headers.get('content-type')) && response.body !== null
      if (refused.error && !isStream) {
        await response.body?.cancel()
        throw refused.error
      }
      if (call.isHeard) report(visit, passing, response.status, began)
      const stream = isStream || reshape ? exchange.stream(listens(visit, passing)) : undefined
      if (reshape) response = await reshapeResponse(reshape, response, { isStream, stream: stream! })
      else if (stream && response.body) response = new Response(endable(response.body, stream), response)
      else exchange.closed()
      if (origin === null) return response
      // The headers of a response that came from `fetch` cannot be changed.
      return allowOrigin(new Response(response.body, response), origin)
    } catch (error) {
      return fail(error)
    }
  }

  return (visit, admission, bearing, inspected) => {
    const { auth, isAnonymous } = admission
    const body = inspected?.body
    const passing = { admission, body }
    const session = sessions.open(
      visit.head.headers,
      {
        resource: resource.id,
        user: isAnonymous ? NO_OWNER.user : auth.user.id,
        client: isAnonymous ? NO_OWNER.client : auth.clientId,
      },
      body?.messages[0]?.method === 'initialize' ? starting : going,
    )
    if (typeof session === 'string') {
      // The session of a user has to be shown with their token.
      if (isAnonymous && session === 'session-of-another-user') {
        return { type: 'answer', response: refusals.introduce(visit) }
      }
      return { type: 'answer', response: noSession(visit, admission, session) }
    }
    if ('handler' in resource.target) {
      const { handler } = resource.target
      const given = { handler, session, exchange: inspected?.exchange ?? begin(visit, admission) }
      return { type: 'handle', handle: (request) => handle(request, given, visit, passing) }
    }
    const passage = passageTo(destination!, visit, passing, { bearing, session, inspected })
    const { mcpFetch } = settings
    if (!mcpFetch) return { type: 'forward', passage }
    return {
      type: 'handle',
      handle: (request) => carry(request, passage, mcpFetch, { signal: request.signal }),
    }
  }
}
