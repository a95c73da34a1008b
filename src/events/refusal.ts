import type { OAuthError } from '../errors.ts'
import { describeError, type EventMembers, type NewEvent } from './event.ts'

/** The members of an event that follow from a thrown {@link OAuthError}. */
export type Refusal = Extract<NewEvent, { readonly type: 'refused' | 'rate-limited' | 'failed' }>

/** Describes a thrown error for an event. A refusal is about the request, a failure about this server or one it needs. */
export function refusal({ code, status, reason, detail, cause }: OAuthError): Refusal {
  const type = code === 'too_many_requests' ? 'rate-limited' : status >= 500 ? 'failed' : 'refused'
  const about: EventMembers[typeof type] = { code, reason, detail }
  return { type, ...about, ...(cause !== undefined && { error: describeError(cause) }) }
}
