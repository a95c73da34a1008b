import type { Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { readForm } from '../http/params.ts'
import { redirect } from '../http/responses.ts'
import { answerError } from './answer-client.ts'
import { closeConsent, startSignIn } from './sign-in.ts'

/**
 * Whether a form comes from a page of this server. A page that sends no referrer gives `null` as its origin; then
 * the browser's own word decides. Requests with neither header come from no browser that has cookies to abuse.
 */
function isSameOrigin(request: Request, own: string): boolean {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  if (site !== null && site !== 'same-origin') return false
  return origin === null || origin === own || (origin === 'null' && site === 'same-origin')
}

/** The user's answer. Only here does a sign-in at the provider begin. */
export const consentEndpoint: Endpoint = async (http, ctx, call) => {
  if (!isSameOrigin(http, ctx.settings.origin)) {
    throw new OAuthError('access_denied', 'The form was sent from another site', { reason: 'foreign origin' })
  }
  const { fields } = await readForm(http)
  const { request, cookies } = closeConsent(ctx, http, fields.request)
  const client = request.client.key
  if (fields.decision !== 'allow') {
    ctx.emit({ type: 'denied', client, resource: request.resource })
    const denied = new OAuthError('access_denied', 'The request was denied')
    return answerError(ctx, call, request, denied, { trusted: request.trusted, cookies })
  }
  const { flow, cookies: started } = startSignIn(ctx, http, request)
  const location = await ctx.upstream.authorizationUrl(flow)
  ctx.emit({ type: 'consented', client, resource: request.resource })
  return redirect(location, [...cookies, ...started])
}
