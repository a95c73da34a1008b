import type { UnreadBody } from '../forward/passage.ts'
import { hasOtherCharset } from '../http/body.ts'
import {
  hasTwins,
  RPC,
  type RpcBody,
  type RpcFault,
  type RpcMessage,
  readMessages,
} from '../protocol/json-rpc.ts'
import { scanJson } from '../protocol/json-scan.ts'
import { findMismatch } from '../protocol/mcp-headers.ts'
import { namesItsTarget } from '../protocol/mcp-rules.ts'
import { weighBody, weighMessages } from '../protocol/mcp-weights.ts'
import type { Visit } from './mcp-visit.ts'

/** A body that was not read, and the reason. */
export interface Unread {
  readonly unread: Exclude<UnreadBody, 'no-room'> | 'encoded'
}

export type ReadBody = RpcBody | RpcFault | Unread

/**
 * Counts further requests of a caller.
 *
 * @param before The requests that the same request was counted as already.
 * @throws {OAuthError} `too_many_requests`
 */
export type Count = (requests: number, before: number) => void | Promise<void>

/** Does work after the count. Waits only if the count does. */
export const after = <T>(counted: void | Promise<void>, work: () => T | Promise<T>): T | Promise<T> =>
  counted instanceof Promise ? counted.then(work) : work()

/**
 * Reads the messages of a body. The body counts before it is parsed, and its messages count before they are judged, so that
 * a refused one is not free.
 *
 * @param comparesNames `true` if the operator's function sees the arguments, so that they must have one reading.
 */
export function readBody(
  visit: Visit,
  bytes: Uint8Array | Unread['unread'],
  { count, comparesNames }: { readonly count: Count; readonly comparesNames: boolean },
): ReadBody | Promise<ReadBody> {
  if (typeof bytes === 'string') return { unread: bytes }
  if (isEncoded(visit)) return { unread: 'encoded' }
  const scan = scanJson(bytes)
  const weight = weighBody(bytes, scan)
  return after(count(weight, 1), () => {
    const body = readMessages(bytes, scan)
    if ('fault' in body) return body
    return after(count(weighMessages(body.messages) - 1, 1 + weight), () => check(visit, body, comparesNames))
  })
}

/** Checks what has to agree before a body is judged. */
function check({ head }: Visit, body: RpcBody, comparesNames: boolean): RpcBody | RpcFault {
  const { messages } = body
  if (comparesNames && messages.some(({ params }) => hasTwins(params.arguments))) {
    const fault = 'The arguments have names that programs read differently'
    return { code: RPC.invalidParams, fault, id: messages[0]?.id ?? null }
  }
  const other = findMismatch(head.headers, body)
  if (other) {
    return {
      code: RPC.headerMismatch,
      fault: 'The headers and the body of the request do not agree',
      id: other.id ?? null,
    }
  }
  const nameless = messages.find((message: RpcMessage) => !namesItsTarget(message))
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
