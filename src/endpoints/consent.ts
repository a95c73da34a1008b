import type { Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { readForm } from '../http/params.ts'
import { redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { answerError } from '../sign-in/authorization-error.ts'
import { closeConsent, startSignIn } from '../sign-in/pending.ts'
import { choicesFor, chosenOf } from '../sign-in/provider-choice.ts'

/** The user's answer. Only here does a sign-in at the provider begin. */
export const consentEndpoint: Endpoint = async (http, ctx, call) => {
  if (!isSameOrigin(http, ctx.settings.origin)) {
    throw new OAuthError('access_denied', 'The form was sent from another site', { reason: 'foreign-origin' })
  }
  const { fields } = await readForm(http)
  const { request, cookies } = closeConsent(ctx, http, fields.request)
  const client = request.client.key
  if (fields.decision !== 'allow') {
    call.emit({ type: 'denied', client, resource: request.resource })
    const denied = new OAuthError('access_denied', 'The request was denied', { reason: 'denied-by-user' })
    return answerError(ctx, call, request, denied, { trusted: request.trusted, cookies })
  }
  const upstream = chosenOf(await choicesFor(ctx, http, request.resource), fields.provider)
  const { flow, cookies: started } = startSignIn(ctx, http, { ...request, provider: upstream.id })
  const location = await upstream.authorizationUrl(flow)
  call.emit({ type: 'consented', client, resource: request.resource, provider: upstream.id })
  return redirect(location, [...cookies, ...started])
}
