import type { OAuthError } from '../errors.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { describeApplicationError, describeError } from './describe-error.ts'
import type { EventMembers, NewEvent } from './event.ts'

/** Failures of functions that belong to the application. */
const OF_APPLICATION: ReadonlySet<ReasonCode> = new Set(['hook-failed', 'handler-failed', 'key-check-failed'])

/** The members of an event that follow from a thrown {@link OAuthError}. */
export type Refusal = Extract<NewEvent, { readonly type: 'refused' | 'rate-limited' | 'failed' }>

/** Describes a thrown error for an event. A refusal is about the request, a failure about this server or one it needs. */
export function refusal({ code, status, reason, detail, cause }: OAuthError): Refusal {
  const type = code === 'too_many_requests' ? 'rate-limited' : status >= 500 ? 'failed' : 'refused'
  const about: EventMembers[typeof type] = { code, reason, detail }
  const described = OF_APPLICATION.has(reason) ? describeApplicationError : describeError
  return { type, ...about, ...(cause !== undefined && { error: described(cause) }) }
}
