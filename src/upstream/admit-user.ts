import { OAuthError } from '../errors.ts'
import { callHook } from '../options/call-hook.ts'
import type { ProxyOptions } from '../options/options.ts'
import type { Identity } from '../ports.ts'
import { isAllowed } from '../protocol/allow.ts'
import { whyNotAllowed } from '../protocol/why-not-allowed.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import type { Upstream } from './upstream.ts'

/** The reason why a user may not use this server. */
export interface NotAdmitted {
  readonly reason: ReasonCode
  /** For events: the rule that the user does not meet. Never a part of the identity. */
  readonly detail?: string | undefined
  /** The refusal that `allow` threw, with its own sentence for the user. */
  readonly thrown?: OAuthError | undefined
}

/**
 * Decides whether a user may use this server: by the claims that the provider's definition requires, and by `allow`.
 *
 * @returns `undefined` if the user may.
 * @throws {OAuthError} `temporarily_unavailable` or `server_error` if `allow` is a function that is late or throws.
 */
export type AdmitUser = (
  upstream: Pick<Upstream, 'provider' | 'admits' | 'kindsByTenant'>,
  identity: Identity,
) => Promise<NotAdmitted | undefined>

/** @param allow Without it, every user of the provider is admitted. */
export const createAdmitUser =
  (allow: ProxyOptions['allow']): AdmitUser =>
  async ({ provider, admits, kindsByTenant }, identity) => {
    if (!admits(identity)) return { reason: 'not-in-allow', detail: 'a claim that the provider requires' }
    if (allow === undefined) return undefined
    if (typeof allow !== 'function') {
      if (isAllowed(identity, allow, provider, kindsByTenant)) return undefined
      return { reason: 'not-in-allow', detail: whyNotAllowed(identity, allow, kindsByTenant) }
    }
    try {
      const isAdmitted = await callHook('allow', () => allow(identity, { provider }))
      return isAdmitted === true ? undefined : { reason: 'not-in-allow' }
    } catch (error) {
      // A failure must not pass for a decision about the user.
      if (!(error instanceof OAuthError) || error.status >= 500) throw error
      return { reason: error.reason, detail: error.detail, thrown: error }
    }
  }
