import type { OAuthError } from '../errors.ts'
import { describeError, type ProxyEvent } from './event.ts'

/** What an event says of something thrown. */
export type Refusal = Pick<ProxyEvent, 'type' | 'code' | 'reason' | 'detail' | 'error'>

/** A refusal is about the request; a failure is about this server, or what it depends on. */
export function refusal({ code, status, reason, detail, cause }: OAuthError): Refusal {
  const type = code === 'too_many_requests' ? 'rate-limited' : status >= 500 ? 'failed' : 'refused'
  return { type, code, reason, detail, ...(cause !== undefined && { error: describeError(cause) }) }
}
