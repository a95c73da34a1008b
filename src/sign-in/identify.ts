import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Identity, UpstreamTokens } from '../ports.ts'
import { serverError } from '../refusals.ts'
import type { NotAdmitted } from '../upstream/admit-user.ts'
import type { Upstream, UpstreamFlow } from '../upstream/upstream.ts'
import { userOf } from './provider-choice.ts'

/** The parameters of a provider's authorization response that this server reads. */
export const RESPONSE_PARAMETERS: readonly string[] = [
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
]

/** A user who has signed in. */
export interface SignedIn {
  readonly identity: Identity
  /** The provider's tokens. Absent if the application itself signed the user in and supplied none. */
  readonly tokens: UpstreamTokens | undefined
  /** The reason why the user may not use this server; absent if the user may. */
  readonly refusal: NotAdmitted | undefined
}

/**
 * Exchanges the provider's authorization response, and decides whether the user may use this server.
 *
 * @throws {OAuthError} If the provider refused, or if its response is not valid.
 */
export async function identifyUser(
  ctx: Context,
  call: Call,
  upstream: Upstream,
  fields: Readonly<Record<string, string | undefined>>,
  flow: UpstreamFlow,
): Promise<SignedIn> {
  const response = new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  )
  // Before the exchange: tokens that no grant holds would stay valid at the provider.
  await ctx.userIds.naming()
  const { identity, tokens } = await upstream.exchange(response, flow)
  try {
    return { identity, tokens, refusal: await ctx.admitUser(upstream, identity) }
  } catch (error) {
    // Nothing will use the tokens of a sign-in that failed.
    const owner = { provider: upstream.id, user: await userOf(ctx, upstream.id, identity) }
    call.defer(ctx.endTokens(owner, tokens, (event) => call.emit(event)))
    throw error
  }
}

/** Returns the refusal of a user who signed in, but may not use this server. */
export const notAdmitted = ({ reason, detail, thrown }: NotAdmitted): OAuthError =>
  thrown ??
  new OAuthError('access_denied', 'You signed in, but this account may not use this server', {
    reason,
    detail,
  })

/** Returns the part of a refusal that belongs into an event. */
export const reasonOf = ({ reason, detail }: NotAdmitted): Pick<NotAdmitted, 'reason' | 'detail'> => ({
  reason,
  detail,
})

/** Returns a thrown value as the peer may see it. */
export const asRefusal = (error: unknown): OAuthError =>
  error instanceof OAuthError ? error : serverError({ reason: 'unexpected', cause: error })
