import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { readForm } from '../http/params.ts'
import { page, redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { errorPage, errorView } from '../pages/error-page.ts'
import { asRefusal, identifyUser, notAdmitted } from '../sign-in/identify.ts'
import { finishAccountSignIn, startAccountSignIn } from '../sign-in/pending.ts'
import { askedProvider, choicesFor, chosenOf, userOf } from '../sign-in/provider-choice.ts'
import { openSession } from '../sign-in/session.ts'

/** Sends the browser to the provider. By a form of ours only, or a link could sign somebody in unasked. */
export const accountSignInEndpoint: Endpoint = async (http, ctx) => {
  if (!isSameOrigin(http, ctx.settings.origin)) {
    throw new OAuthError('access_denied', 'The form was sent from another site', { reason: 'foreign-origin' })
  }
  const { fields } = await readForm(http)
  const upstream = chosenOf(await choicesFor(ctx, http), fields.provider)
  const { flow, cookies } = startAccountSignIn(ctx, http, upstream.id)
  return redirect(await upstream.authorizationUrl(flow), cookies)
}

/**
 * The provider's answer to a sign-in for the account page: it opens a session, and writes nothing.
 *
 * What the provider gave is dropped, not revoked: at many providers that would end what connected apps live on.
 */
export async function answerAccountSignIn(
  http: Request,
  ctx: Context,
  call: Call,
  fields: Readonly<Record<string, string | undefined>>,
): Promise<Response> {
  const { flow, provider, cookies } = finishAccountSignIn(ctx, http, fields.state)
  const { settings } = ctx
  const refuse = (error: OAuthError): Response => {
    return page(errorPage(settings.look, errorView(error, call.requestId())), error.status, cookies)
  }
  try {
    const upstream = await askedProvider(ctx, http, provider)
    const { identity, refusal: notAllowed } = await identifyUser(ctx, upstream, fields, flow)
    const user = userOf(ctx, provider, identity)
    if (notAllowed) {
      call.emit({ type: 'turned-away', endpoint: '/account', user, provider, ...notAllowed })
      return refuse(notAdmitted(notAllowed))
    }
    call.emit({ type: 'account-opened', user, provider })
    return redirect(`${settings.issuer}/account`, [...cookies, ...openSession(ctx, user, identity)])
  } catch (error) {
    const refused = asRefusal(error)
    call.emit({ endpoint: '/account', ...refusal(refused), provider })
    return refuse(refused)
  }
}
