import type { Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Decided, Inspection, Verdict } from '../forward/passage.ts'
import { hasAccessToken } from '../forward/query.ts'
import type { Admission } from '../guard/admission.ts'
import { anonymousAdmission } from '../guard/anonymous.ts'
import { hasOtherCharset } from '../http/body.ts'
import { callHook } from '../options/call-hook.ts'
import type { InspectionSettings } from '../options/mcp-rules.ts'
import type { Resource } from '../options/options.ts'
import {
  hasTwins,
  RPC,
  type RpcBody,
  type RpcFault,
  type RpcMessage,
  readMessages,
} from '../protocol/json-rpc.ts'
import { callOfMessage } from '../protocol/mcp-call.ts'
import { findMismatch } from '../protocol/mcp-headers.ts'
import { actionOfMessages } from '../protocol/mcp-request.ts'
import { type Needs, namesItsTarget, weigh } from '../protocol/mcp-rules.ts'
import { isPublic } from '../protocol/public-messages.ts'
import { missingScopes } from '../protocol/scope.ts'
import type { Bearing, Bearings } from './mcp-bearing.ts'
import { authFor } from './mcp-handler.ts'
import type { Pass } from './mcp-pass.ts'
import type { Refusals } from './mcp-refusal.ts'
import { createRpcRefusals } from './mcp-rpc-refusal.ts'
import type { Visit } from './mcp-visit.ts'

/** Judges requests by their bodies. */
export interface Inspect {
  /** Judges a request whose token was accepted. */
  known(visit: Visit, admission: Admission, bearing: Bearing): Inspection
  /** Judges a request without a token. */
  stranger(visit: Visit): Verdict
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
  const needsOf = (message: RpcMessage): Needs => (isOpen(message) ? [] : rules.ofMessage(message))

  function judge(
    visit: Visit,
    admission: Admission,
    bearing: Bearing,
    body: RpcBody,
  ): Decided | Promise<Decided> {
    const needs = body.messages.map(needsOf)
    if (needs.includes('deny')) return rpc.unknown(visit, admission, body, needs)
    const needed = [...new Set((needs as readonly (readonly string[])[]).flat())]
    if (missingScopes(admission.auth.scopes, needed, scopes).length > 0) {
      if (settings.hidesDenied)
        return rpc.unknown(
          visit,
          admission,
          body,
          needs.map((own) => lacks(admission, own)),
        )
      const all = [...new Set([...resource.scopes, ...needed])]
      return { type: 'answer', response: refusals.respond(visit, lacksScope(all, body), admission) }
    }
    if (!settings.authorize) return pass(visit, admission, bearing, body)
    return authorize(visit, admission, bearing, body)
  }

  const lacks = ({ auth }: Admission, own: Needs): Needs =>
    own === 'deny' || missingScopes(auth.scopes, own, scopes).length > 0 ? 'deny' : own

  /** Asks the operator's function about every action in turn. */
  async function authorize(
    visit: Visit,
    admission: Admission,
    bearing: Bearing,
    body: RpcBody,
  ): Promise<Decided> {
    const { auth } = authFor(admission, resource, scopes)
    try {
      for (const message of body.messages) {
        const call = callOfMessage(message)
        if (!call) continue
        const isAllowed = await callHook('mcp.authorize', () => settings.authorize!(call, auth))
        if (isAllowed !== true) throw notAuthorized(message)
      }
      return pass(visit, admission, bearing, body)
    } catch (error) {
      return { type: 'answer', response: refusals.respond(visit, error, admission) }
    }
  }

  /** Reads a body, or returns the response to one that is not accepted. */
  function read(
    visit: Visit,
    body: Uint8Array | 'too-large' | 'too-slow',
  ): RpcBody | RpcFault | 'empty' | Unread {
    if (typeof body === 'string') return { unread: body }
    if (body.length === 0 && visit.head.method !== 'POST') return 'empty'
    if (isEncoded(visit)) return { unread: 'encoded' }
    const messages = readMessages(body)
    if ('fault' in messages) return messages
    if (settings.authorize && messages.messages.some(({ params }) => hasTwins(params.arguments))) {
      const fault = 'The arguments have names that programs read differently'
      return { code: RPC.invalidParams, fault, id: messages.messages[0]?.id ?? null }
    }
    return check(visit, messages)
  }

  return {
    known: (visit, admission, bearing) => ({
      type: 'inspect',
      limit,
      judge(bytes) {
        try {
          const body = read(visit, bytes)
          if (body === 'empty') return pass(visit, admission, bearing)
          if ('unread' in body) return rpc.unread(visit, admission, body.unread)
          if ('fault' in body) return rpc.malformed(visit, admission, body)
          // The request itself is counted already.
          const counted = ctx.limits.user(admission.auth.user.id, weigh(body.messages) - 1)
          if (!counted) return judge(visit, admission, bearing, body)
          return counted
            .then(() => judge(visit, admission, bearing, body))
            .catch((error: unknown) => ({
              type: 'answer',
              response: refusals.respond(visit, error, admission),
            }))
        } catch (error) {
          return { type: 'answer', response: refusals.respond(visit, error, admission) }
        }
      },
    }),
    stranger(visit) {
      const { head, call } = visit
      const introduce = (needs?: readonly string[]): Decided => ({
        type: 'answer',
        response: refusals.introduce(visit, needs),
      })
      const showsCredentials = !!head.headers.get('authorization') || hasAccessToken(head.search)
      if (!open || showsCredentials || !isEndpoint(head.path)) return introduce()
      const accept = head.headers.get('accept') ?? ''
      if (head.method === 'GET' && accept.includes('text/event-stream')) {
        // A 401 would start a sign-in at every connection. Clients take 405 as a server without such a stream.
        return { type: 'answer', response: refusals.noStream(visit) }
      }
      if (head.method !== 'POST' && head.method !== 'DELETE') return introduce()
      const welcome = (body?: RpcBody): Decided | Promise<Decided> => {
        const address = call.address()
        const admission = anonymousAdmission(resource.id, address)
        const goWith = (bearing: Bearing) =>
          body ? judge(visit, admission, bearing, body) : pass(visit, admission, bearing)
        const go = () => {
          const bearing = bearings.of(admission)
          return bearing instanceof Promise ? bearing.then(goWith).catch(refused) : goWith(bearing)
        }
        const refused = (error: unknown): Decided => ({
          type: 'answer',
          response: refusals.respond(visit, error, undefined),
        })
        try {
          const counted = ctx.limits.anonymous(address, body ? weigh(body.messages) : 1)
          return counted instanceof Promise ? counted.then(go).catch(refused) : go()
        } catch (error) {
          return refused(error)
        }
      }
      return {
        type: 'inspect',
        limit,
        judge(bytes) {
          const body = read(visit, bytes)
          if (body === 'empty') return head.headers.has('mcp-session-id') ? welcome() : introduce()
          // A DELETE ends a session. Its body means nothing.
          if (head.method !== 'POST') return introduce()
          // It cannot be known whether such a body is public.
          if ('unread' in body || 'fault' in body) return introduce()
          if (body.messages.every(isOpen)) return welcome(body)
          const needs = body.messages.filter((message) => !isOpen(message)).map(rules.ofMessage)
          return introduce(needs.flatMap((own) => (own === 'deny' ? [] : own)))
        },
      }
    },
  }
}

/** A body that was not read, and the reason. */
interface Unread {
  readonly unread: 'too-large' | 'too-slow' | 'encoded'
}

/** Checks what has to agree before a body is judged. */
function check({ head }: Visit, body: RpcBody): RpcBody | RpcFault {
  const other = findMismatch(head.headers, body)
  if (other) {
    return {
      code: RPC.headerMismatch,
      fault: 'The headers and the body of the request do not agree',
      id: other.id ?? null,
    }
  }
  const nameless = body.messages.find((message) => !namesItsTarget(message))
  if (nameless) {
    const fault = 'The message does not name its tool, prompt or resource in a valid way'
    return { code: RPC.invalidParams, fault, id: nameless.id ?? null }
  }
  return body
}

/** Returns whether a body has a coding or a charset that another program may read differently. */
function isEncoded({ head: { headers } }: Visit): boolean {
  const coding = headers.get('content-encoding')
  if (coding !== null && !/^[ \t]*identity[ \t]*$/i.test(coding)) return true
  return hasOtherCharset(headers.get('content-type') ?? '')
}

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
