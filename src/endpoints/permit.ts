import type { Context } from '../context.ts'
import { identityHeaders } from '../forward/request-headers.ts'
import { LAST_EVENT_HEADER, SESSION_HEADER } from '../forward/sessions.ts'
import { allowOrigin } from '../http/cors.ts'
import type { Resource } from '../options/options.ts'
import { actionOf } from '../protocol/mcp-request.ts'
import type { Pass } from './mcp-pass.ts'
import type { Refusals } from './mcp-refusal.ts'

/** Returns the way of admitted requests that a proxy in front carries itself: it gets the headers about the user. */
export function createPermit(resource: Resource, _ctx: Context, { about, noSession }: Refusals): Pass {
  return (visit, admission, { token, assertion }) => {
    const { headers: given } = visit.head
    // The response goes past this proxy, so that no client ever gets a bound id. The proxy in front cannot drop one either.
    if (resource.bindsSessions && (given.has(SESSION_HEADER) || given.has(LAST_EVENT_HEADER))) {
      return { type: 'answer', response: noSession(visit, admission, 'session-not-found') }
    }
    if (visit.call.isHeard) {
      visit.call.emit({ type: 'admitted', ...about(admission), action: actionOf(visit.head) })
    }
    const headers = identityHeaders(resource.forward, admission)
    if (assertion !== undefined) headers.push([resource.identity!.header, assertion])
    if (token !== undefined) headers.push(['authorization', `Bearer ${token}`])
    headers.push(['cache-control', 'no-store'])
    const response = new Response(null, { headers })
    return {
      type: 'answer',
      response: visit.origin === null ? response : allowOrigin(response, visit.origin),
    }
  }
}
