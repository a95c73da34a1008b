import type { Call, Context } from '../context.ts'
import type { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { page, redirect } from '../http/responses.ts'
import { type AccountChoice, errorPage, errorView } from '../pages/error-page.ts'
import type { Identity } from '../ports.ts'
import { userName } from '../protocol/shown-name.ts'
import { asRefusal, identifyUser, notAdmitted, reasonOf } from './identify.ts'
import { finishAccountSignIn } from './pending.ts'
import { requestedProvider, userOf } from './provider-choice.ts'
import { openSession } from './session.ts'

/**
 * Completes a sign-in to the account page at a provider. It opens a session, and writes nothing to the storage.
 *
 * The provider's tokens are dropped and not revoked: at many providers that would end those of connected apps.
 */
export async function completeAccountSignIn(
  http: Request,
  ctx: Context,
  call: Call,
  fields: Readonly<Record<string, string | undefined>>,
): Promise<Response> {
  const { flow, provider, cookies } = finishAccountSignIn(ctx, http, fields.state)
  const refuse = (error: OAuthError, account?: AccountChoice): Response =>
    page(
      errorPage(ctx.settings.look, { ...errorView(error, call.requestId()), account }),
      error.status,
      cookies,
    )
  try {
    const upstream = await requestedProvider(ctx, http, provider)
    const { identity, refusal: notAllowed } = await identifyUser(ctx, call, upstream, fields, flow)
    if (!notAllowed) return await openAccount(ctx, call, { provider, identity, cookies })
    const user = await userOf(ctx, provider, identity)
    call.emit({ type: 'turned-away', endpoint: '/account', user, provider, ...reasonOf(notAllowed) })
    const { id, name, switchesAccount } = upstream
    const action = `${ctx.settings.basePath}/account/sign-in`
    return refuse(notAdmitted(notAllowed), {
      name: userName(identity),
      provider: name,
      ...(switchesAccount && { another: { action, provider: id } }),
    })
  } catch (error) {
    const refused = asRefusal(error)
    call.emit({ endpoint: '/account', ...refusal(refused), provider })
    return refuse(refused)
  }
}

/** Opens a session of the account page, and sends the browser there. */
export async function openAccount(
  ctx: Context,
  call: Call,
  signedIn: { provider: string | undefined; identity: Identity; cookies: readonly string[] },
): Promise<Response> {
  const { provider, identity, cookies } = signedIn
  const user = await userOf(ctx, provider, identity)
  call.emit({ type: 'account-opened', user, provider })
  return redirect(`${ctx.settings.issuer}/account`, [...cookies, ...openSession(ctx, user, identity)])
}
