import type { Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Decided, Inspection, UnreadBody, Verdict } from '../forward/passage.ts'
import { hasAccessToken } from '../forward/query.ts'
import type { Exchange } from '../forward/streams.ts'
import type { Admission } from '../guard/admission.ts'
import { anonymousAdmission } from '../guard/anonymous.ts'
import { callHook } from '../options/call-hook.ts'
import type { InspectionSettings } from '../options/mcp-rules.ts'
import type { Resource } from '../options/options.ts'
import type { RpcBody, RpcMessage } from '../protocol/json-rpc.ts'
import { callOfMessage } from '../protocol/mcp-call.ts'
import { actionOfMessages } from '../protocol/mcp-request.ts'
import type { Needs } from '../protocol/mcp-rules.ts'
import { isPublic } from '../protocol/public-messages.ts'
import { missingScopes } from '../protocol/scope.ts'
import { seconds } from '../timing.ts'
import type { Bearing, Bearings } from './mcp-bearing.ts'
import { after, type Count, type ReadBody, readBody } from './mcp-body.ts'
import { authFor } from './mcp-handler.ts'
import type { Pass } from './mcp-pass.ts'
import type { Refusals } from './mcp-refusal.ts'
import { createRpcRefusals } from './mcp-rpc-refusal.ts'
import type { Visit } from './mcp-visit.ts'

/** Judges requests by their bodies. */
export interface Inspect {
  /**
   * Judges a request whose token was accepted, and that was counted.
   *
   * @throws {OAuthError} `too_many_requests` if too many requests are open.
   */
  known(visit: Visit, admission: Admission, bearing: Bearing): Inspection
  /** Judges a request without a token. */
  stranger(visit: Visit): Verdict | Promise<Verdict>
}

/** A request that is being judged. */
interface Open {
  readonly visit: Visit
  readonly admission: Admission
  readonly exchange: Exchange
}

/** Creates the judgement of bodies, for a server with rules that need them. */
export function createInspect(
  resource: Resource,
  settings: InspectionSettings,
  { ctx, refusals, bearings, pass }: { ctx: Context; refusals: Refusals; bearings: Bearings; pass: Pass },
): Inspect {
  const { rules, limit, public: open } = settings
  const { scopes } = ctx.settings
  const rpc = createRpcRefusals(refusals)

  /** What is below the address of a server may be anything, so that it is never public. */
  const isEndpoint = (path: string) => path === resource.path || path === `${resource.path}/`
  const isOpen = (message: RpcMessage) => open !== undefined && isPublic(message, open, rules)
  const needsOf = (message: RpcMessage): Needs => {
    const needs = rules.ofMessage(message)
    return needs.length === 0 || !isOpen(message) ? needs : []
  }
  const answer = (response: Response): Decided => ({ type: 'answer', response })

  /** Begins a request: it counts as open from before its body is read until it is answered. */
  function begin(
    visit: Visit,
    admission: Admission,
    judge: (given: Open, bytes: Uint8Array | Exclude<UnreadBody, 'no-room'>) => Decided | Promise<Decided>,
  ): Inspection {
    visit.call.keepOpen()
    const exchange = ctx.streams.begin(admission, visit.call.isBound)
    const given = { visit, admission, exchange }
    const settle = (decided: Decided): Decided => {
      if (decided.type === 'answer') exchange.closed()
      return decided
    }
    const refuse = (error: unknown) => settle(answer(refusals.respond(visit, error, admission)))
    return {
      type: 'inspect',
      limit,
      hold: (bytes) => exchange.hold(bytes),
      abandoned: () => exchange.closed(),
      judge(bytes) {
        try {
          if (bytes === 'no-room') throw noRoom()
          const decided = judge(given, bytes)
          return decided instanceof Promise ? decided.then(settle).catch(refuse) : settle(decided)
        } catch (error) {
          return refuse(error)
        }
      },
    }
  }

  const read = (visit: Visit, bytes: Parameters<typeof readBody>[1], count: Count) =>
    readBody(visit, bytes, { count, comparesNames: settings.authorize !== undefined })

  function judge(given: Open, bearing: Bearing, body: RpcBody): Decided | Promise<Decided> {
    const { visit, admission } = given
    const needs = body.messages.map(needsOf)
    if (needs.includes('deny')) return rpc.unknown(visit, admission, body, needs)
    const needed = [...new Set((needs as readonly (readonly string[])[]).flat())]
    if (missingScopes(admission.auth.scopes, needed, scopes).length === 0) return permit(given, bearing, body)
    if (settings.hidesDenied) {
      const hidden = needs.map((own) => lacks(admission, own))
      return rpc.unknown(visit, admission, body, hidden)
    }
    const all = [...new Set([...resource.scopes, ...needed])]
    return answer(refusals.respond(visit, lacksScope(all, body), admission))
  }

  const lacks = ({ auth }: Admission, own: Needs): Needs =>
    own === 'deny' || missingScopes(auth.scopes, own, scopes).length > 0 ? 'deny' : own

  const go = ({ visit, admission, exchange }: Open, bearing: Bearing, body?: RpcBody): Decided =>
    pass(visit, admission, bearing, { body, exchange })

  const permit = (given: Open, bearing: Bearing, body: RpcBody): Decided | Promise<Decided> =>
    settings.authorize ? authorize(given, bearing, body) : go(given, bearing, body)

  /** Asks the operator's function about every action in turn. */
  async function authorize(given: Open, bearing: Bearing, body: RpcBody): Promise<Decided> {
    const auth = authFor(given.admission, resource, scopes)
    for (const message of body.messages) {
      const call = callOfMessage(message)
      if (!call) continue
      const isAllowed = await callHook('mcp.authorize', () => settings.authorize!(call, auth))
      if (isAllowed !== true) throw notAuthorized(message)
    }
    return go(given, bearing, body)
  }

  /** Welcomes a request without a token. */
  function welcome(given: Open, body?: RpcBody): Decided | Promise<Decided> {
    const bearing = bearings.of(given.admission)
    const goWith = (one: Bearing) => (body ? permit(given, one, body) : go(given, one))
    return bearing instanceof Promise ? bearing.then(goWith) : goWith(bearing)
  }

  return {
    known(visit, admission, bearing) {
      const { id } = admission.auth.user
      const count: Count = (requests, before) => ctx.limits.user(id, requests, before)
      const decide = (given: Open, body: ReadBody): Decided | Promise<Decided> => {
        if ('unread' in body) return rpc.unread(visit, admission, body.unread)
        if ('fault' in body) return rpc.malformed(visit, admission, body)
        return judge(given, bearing, body)
      }
      return begin(visit, admission, (given, bytes) => {
        if (bytes.length === 0 && visit.head.method !== 'POST') return go(given, bearing)
        const body = read(visit, bytes, count)
        return body instanceof Promise ? body.then((one) => decide(given, one)) : decide(given, body)
      })
    },
    stranger(visit) {
      const { head, call } = visit
      const introduce = (needs?: readonly string[]) => answer(refusals.introduce(visit, needs))
      const showsCredentials = !!head.headers.get('authorization') || hasAccessToken(head.search)
      if (!open || showsCredentials || !isEndpoint(head.path)) return introduce()
      const accept = head.headers.get('accept') ?? ''
      // A 401 would start a sign-in at every connection. Clients take 405 as a server without such a stream.
      if (head.method === 'GET' && accept.includes('text/event-stream'))
        return answer(refusals.noStream(visit))
      // A DELETE ends a session. Its body means nothing.
      if (head.method === 'DELETE' && !head.headers.has('mcp-session-id')) return introduce()
      if (head.method !== 'POST' && head.method !== 'DELETE') return introduce()
      const address = call.address()
      const count: Count = (requests, before) => ctx.limits.anonymous(address, requests, before)
      const decide = (given: Open, body: ReadBody): Decided | Promise<Decided> => {
        // It cannot be known whether such a body is public.
        if ('unread' in body || 'fault' in body) return introduce()
        const closed = body.messages.filter((message) => !isOpen(message))
        if (closed.length === 0) return welcome(given, body)
        return introduce(closed.map(rules.ofMessage).flatMap((own) => (own === 'deny' ? [] : own)))
      }
      const inspection = () =>
        begin(visit, anonymousAdmission(resource.id, address), (given, bytes) => {
          if (head.method !== 'POST') return bytes.length === 0 ? welcome(given) : introduce()
          const body = read(visit, bytes, count)
          return body instanceof Promise ? body.then((one) => decide(given, one)) : decide(given, body)
        })
      const refuse = (error: unknown) => answer(refusals.respond(visit, error, undefined))
      try {
        // Before its body is read, so that a refused one is not free.
        const verdict = after<Verdict>(count(1, 0), inspection)
        return verdict instanceof Promise ? verdict.catch(refuse) : verdict
      } catch (error) {
        return refuse(error)
      }
    },
  }
}

const noRoom = (): OAuthError =>
  new OAuthError('too_many_requests', 'Too many large requests are open, try again later', {
    reason: 'limit-bodies',
    retryAfter: seconds.retryStreams,
  })

const lacksScope = (scope: readonly string[], { messages }: RpcBody): OAuthError =>
  new OAuthError('insufficient_scope', `This needs the scope ${scope.join(' ')}`, {
    reason: 'token-lacks-scope',
    detail: actionOfMessages(messages),
    scope,
  })

const notAuthorized = (message: RpcMessage): OAuthError =>
  new OAuthError('access_denied', 'You may not do this', {
    reason: 'call-not-authorized',
    detail: actionOfMessages([message]),
  })
