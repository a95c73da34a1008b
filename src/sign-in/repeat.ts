import type { Call, Context } from '../context.ts'
import { redirect } from '../http/responses.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { SignedIn } from './identify.ts'
import { type Finished, startSignIn } from './pending.ts'
import { userOf } from './provider-choice.ts'

/** A sign-in whose user the provider has named. */
interface Named {
  readonly finished: Finished
  readonly signedIn: SignedIn
}

/**
 * Sends a user to the provider once more, with the claims that it demanded when it last refused to exchange a token.
 *
 * @returns Nothing for a sign-in that can be completed.
 */
export async function repeatSignIn(
  ctx: Context,
  call: Call,
  upstream: Upstream,
  http: Request,
  { finished, signedIn }: Named,
): Promise<Response | undefined> {
  const { flow, request, cookies } = finished
  const { identity, tokens, refusal } = signedIn
  const isExchanged = ctx.settings.resources.some(({ id, exchange }) => exchange && id === request.resource)
  if (!isExchanged || flow.isRepeated || refusal) return undefined
  const owner = { provider: upstream.id, user: await userOf(ctx, request.provider, identity) }
  const claims = await ctx.claimsChallenges.find(owner.user)
  if (claims === undefined) return undefined
  const again = await startSignIn(ctx, http, request, upstream.provider, { isRepeated: true })
  const location = await upstream.authorizationUrl({ ...again.flow, claims })
  call.defer(ctx.endTokens({ ...owner, client: request.client.key }, tokens, (event) => call.emit(event)))
  return redirect(location, [...cookies, ...again.cookies])
}

/** Forgets the claims that a provider demanded, after a sign-in that was made with them. */
export async function endRepeat(ctx: Context, { finished, signedIn }: Named): Promise<void> {
  const { flow, request } = finished
  if (flow.isRepeated) await ctx.claimsChallenges.drop(await userOf(ctx, request.provider, signedIn.identity))
}
