import { OAuthError } from '../errors.ts'
import type { Decided } from '../forward/passage.ts'
import type { Admission } from '../guard/admission.ts'
import { allowOrigin } from '../http/cors.ts'
import { json } from '../http/responses.ts'
import { RPC, type RpcBody, type RpcFault, type RpcMessage } from '../protocol/json-rpc.ts'
import { isModern } from '../protocol/mcp-headers.ts'
import { actionOfMessages } from '../protocol/mcp-request.ts'
import { isDefinedMethod, type Needs } from '../protocol/mcp-rules.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import type { Unread } from './mcp-body.ts'
import type { Refusals } from './mcp-refusal.ts'
import type { Visit } from './mcp-visit.ts'

/** Refusals in the words of JSON-RPC, each with its event. */
export interface RpcRefusals {
  malformed(visit: Visit, admission: Admission, fault: RpcFault): Decided
  unread(visit: Visit, admission: Admission, why: Unread['unread']): Decided
  /** Answers as a server without the tool, or without the method, would. @param needs One for each message. */
  unknown(visit: Visit, admission: Admission, body: RpcBody, needs: readonly Needs[]): Decided
}

const UNREAD: Readonly<
  Record<Unread['unread'], readonly [status: number, reason: ReasonCode, message: string]>
> = {
  'too-large': [413, 'body-too-large', 'The request body is too large'],
  'too-slow': [408, 'body-too-slow', 'The request body did not arrive in time'],
  encoded: [415, 'body-encoded', 'The request body must be JSON in UTF-8, without a content coding'],
}

/** @see [JSON-RPC 2.0 §5](https://www.jsonrpc.org/specification#response_object) */
export function createRpcRefusals({ about }: Refusals): RpcRefusals {
  function answer(
    { call, origin }: Visit,
    admission: Admission,
    {
      reason,
      detail,
      body,
      status,
    }: { reason: ReasonCode; detail?: string | undefined; body: unknown; status: number },
  ): Decided {
    call.emit({ type: 'refused', reason, detail, ...about(admission) })
    const response =
      body === undefined
        ? new Response(null, { status, headers: { 'cache-control': 'no-store' } })
        : json(body, status)
    return { type: 'answer', response: origin === null ? response : allowOrigin(response, origin) }
  }

  return {
    malformed(visit, admission, { code, fault, id }) {
      const reason = code === RPC.headerMismatch ? 'header-mismatch' : 'message-malformed'
      const body = { jsonrpc: '2.0', id, error: { code, message: fault } }
      return answer(visit, admission, { reason, detail: fault, body, status: 400 })
    },
    unread(visit, admission, why) {
      const [status, reason, message] = UNREAD[why]
      const body = { jsonrpc: '2.0', id: null, error: { code: RPC.invalidRequest, message } }
      return answer(visit, admission, { reason, body, status })
    },
    unknown(visit, admission, { isBatch, messages }, needs) {
      const denied = messages.find((_, index) => needs[index] === 'deny')
      const errors = messages.flatMap((message, index) =>
        message.id === undefined
          ? []
          : [{ jsonrpc: '2.0', id: message.id, error: errorOf(message, needs[index]!) }],
      )
      const isUnknownMethod = denied?.method !== undefined && !isDefinedMethod(denied.method)
      return answer(visit, admission, {
        reason: 'call-hidden',
        detail: denied && actionOfMessages([denied]),
        body: errors.length === 0 ? undefined : isBatch ? errors : errors[0],
        status: errors.length === 0 ? 202 : isUnknownMethod && isModern(visit.head.headers) ? 404 : 200,
      })
    },
  }
}

function errorOf({ method = '', params }: RpcMessage, needs: Needs): { code: number; message: string } {
  if (needs !== 'deny')
    return { code: RPC.invalidRequest, message: 'Another message of the batch was refused' }
  if (method === 'tools/call') return { code: RPC.invalidParams, message: `Unknown tool: ${params.name}` }
  if (method === 'prompts/get') return { code: RPC.invalidParams, message: `Unknown prompt: ${params.name}` }
  if (method.startsWith('resources/'))
    return { code: RPC.invalidParams, message: `Resource not found: ${params.uri}` }
  if (method === 'completion/complete') return { code: RPC.invalidParams, message: 'Unknown reference' }
  return { code: RPC.methodNotFound, message: 'Method not found' }
}

/** Refuses a session that belongs to a user, to a caller without a token. */
export const sessionNeedsToken = (): OAuthError =>
  new OAuthError('invalid_token', 'The session belongs to a user, and the request has no token', {
    reason: 'session-of-another-user',
  })
