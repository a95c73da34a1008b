import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { describeError } from '../events/event.ts'
import { readForm } from '../http/params.ts'
import { page, redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { errorPage } from '../pages/error-page.ts'
import { judgeAnswer } from './judge-answer.ts'
import { askedProvider, choicesFor, chosenOf, userOf } from './provider-of-request.ts'
import { openSession } from './session.ts'
import { finishAccountSignIn, startAccountSignIn } from './sign-in.ts'

/** Sends the browser to the provider. By a form of ours only, or a link could sign somebody in unasked. */
export const accountSignInEndpoint: Endpoint = async (http, ctx) => {
  if (!isSameOrigin(http, ctx.settings.origin)) {
    throw new OAuthError('access_denied', 'The form was sent from another site', { reason: 'foreign origin' })
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
  const { settings, emit } = ctx
  try {
    const upstream = await askedProvider(ctx, http, provider)
    const { identity, allowed } = await judgeAnswer(ctx, upstream, fields, flow)
    const user = userOf(ctx, provider, identity)
    if (!allowed) {
      emit({
        type: 'turned-away',
        requestId: call.requestId,
        endpoint: '/account',
        user,
        reason: 'not in allow',
      })
      throw new OAuthError('access_denied', 'You signed in, but this account may not use this server')
    }
    emit({ type: 'account-opened', user })
    return redirect(`${settings.issuer}/account`, [...cookies, ...openSession(ctx, user, identity)])
  } catch (error) {
    const refusal =
      error instanceof OAuthError
        ? error
        : new OAuthError('server_error', 'Something went wrong on our side', { cause: error })
    const { code, message, reason, status, cause } = refusal
    emit({
      type: status >= 500 ? 'failed' : 'refused',
      requestId: call.requestId,
      endpoint: '/account',
      code,
      reason: reason ?? message,
      ...(cause !== undefined && { error: describeError(cause) }),
    })
    return page(errorPage(settings.look, { message, code, requestId: call.requestId }), status, cookies)
  }
}
