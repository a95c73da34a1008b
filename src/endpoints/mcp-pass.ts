import type { Context } from '../context.ts'
import { carry } from '../forward/carry.ts'
import { createPassage } from '../forward/create-passage.ts'
import type { Destination } from '../forward/destinations.ts'
import type { Decided, Passage } from '../forward/passage.ts'
import { identityHeaders } from '../forward/request-headers.ts'
import type { Reshape } from '../forward/reshape.ts'
import { createSessions, NO_OWNER, type Session, UNBOUND_SESSIONS } from '../forward/sessions.ts'
import type { Exchange } from '../forward/streams.ts'
import type { Admission } from '../guard/admission.ts'
import type { Resource } from '../options/options.ts'
import type { RpcBody } from '../protocol/json-rpc.ts'
import { actionOf, actionOfMessages, isListening } from '../protocol/mcp-request.ts'
import { createAudit } from './mcp-audit.ts'
import type { Bearing, Bearings } from './mcp-bearing.ts'
import { Handling, type Passing } from './mcp-handling.ts'
import type { Refusals } from './mcp-refusal.ts'
import { createReshape } from './mcp-reshape.ts'
import type { Visit } from './mcp-visit.ts'

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

  function report({ visit, admission, body }: Passing, status: number, began: number): void {
    const { head, call } = visit
    if (!call.isHeard) return
    const duration = Math.round(performance.now() - began)
    const action = body ? actionOfMessages(body.messages) : actionOf(head)
    call.emit({ type: 'forwarded', ...about(admission), status, duration, action })
  }

  const { inspection } = resource
  const filter = inspection && createReshape(inspection, { path: resource.path, scopes: settings.scopes })
  const audit = inspection?.audit && createAudit(inspection.audit, refusals)

  /** Returns the way to change or watch the response. */
  function reshapeFor({ visit, admission, body }: Passing): Reshape | undefined {
    const own = filter?.(visit, admission, body)
    return audit && body && visit.call.isHeard ? audit(visit, admission, body, own) : own
  }

  const listens = ({ visit, body }: Passing): boolean =>
    body ? body.messages.some(({ method }) => method === 'subscriptions/listen') : isListening(visit.head)

  /** Counts the request as open. Called last, so that a failure leaves nothing counted. */
  const begin = ({ call }: Visit, admission: Admission): Exchange => {
    call.keepOpen()
    return streams.begin(admission, call.isBound)
  }

  function passageTo(
    destination: Destination,
    passing: Passing,
    { bearing, session, inspected }: { bearing: Bearing; session: Session; inspected: Inspected | undefined },
  ): Passage {
    const { visit, admission } = passing
    const { head, call, origin } = visit
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
      listening: listens(passing),
      origin,
      reshape: reshapeFor(passing),
      renew: token === undefined ? undefined : () => source!.token(admission, token),
      resends: source?.renews === true,
      challenge: (scope) => missingScopes(visit, scope),
      report: (status) => report(passing, status, began),
      refuse: (error) => respond(visit, error, admission),
    })
  }

  const { target } = resource
  const server = 'handler' in target && {
    handler: target.handler,
    resource,
    scopes: settings.scopes,
    assertionHeaders: resource.identity ? [resource.identity.header] : [],
    reshapeFor,
    listens,
    report,
    respond,
  }

  return (visit, admission, bearing, inspected) => {
    const { auth, isAnonymous } = admission
    const body = inspected?.body
    const passing = { visit, admission, body }
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
    if (server) {
      return new Handling(server, passing, session, inspected?.exchange ?? begin(visit, admission))
    }
    const passage = passageTo(destination!, passing, { bearing, session, inspected })
    const { mcpFetch } = settings
    if (!mcpFetch) return { type: 'forward', passage }
    return {
      type: 'handle',
      handle: (request) => carry(request, passage, mcpFetch, { signal: request.signal }),
    }
  }
}
