import { callHook } from '../options/call-hook.ts'
import type { ProxyOptions } from '../options/options.ts'
import type { Identity } from '../ports.ts'
import { isAllowed } from '../protocol/allow.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import type { Upstream } from './upstream.ts'

/** The reason why a user may not use this server. */
export interface NotAdmitted {
  readonly reason: ReasonCode
  /** For events: the rule that the user does not meet. Never a part of the identity. */
  readonly detail?: string | undefined
}

/**
 * Decides whether a user may use this server: by the claims that the provider's definition requires, and by `allow`.
 *
 * @returns `undefined` if the user may.
 * @throws {OAuthError} `temporarily_unavailable` or `server_error` if `allow` is a function that is late or throws.
 */
export type AdmitUser = (
  upstream: Pick<Upstream, 'provider' | 'admits'>,
  identity: Identity,
) => Promise<NotAdmitted | undefined>

/** @param allow Without it, every user of the provider is admitted. */
export const createAdmitUser =
  (allow: ProxyOptions['allow']): AdmitUser =>
  async ({ provider, admits }, identity) => {
    if (!admits(identity)) return { reason: 'not-in-allow', detail: 'a claim that the provider requires' }
    if (allow === undefined) return undefined
    const isAdmitted =
      typeof allow === 'function'
        ? (await callHook('allow', () => allow(identity, { provider }))) === true
        : isAllowed(identity, allow, provider)
    return isAdmitted ? undefined : { reason: 'not-in-allow' }
  }
