import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { readForm } from '../http/params.ts'
import { redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { foreignForm } from '../refusals.ts'
import { authorizationError } from '../sign-in/authorization-error.ts'
import { approvedRequest, closeConsent } from '../sign-in/consent-form.ts'
import { type SignInRequest, startSignIn } from '../sign-in/pending.ts'
import { choicesFor, chosenProvider } from '../sign-in/provider-choice.ts'

/** Receives the user's decision. Only here does a sign-in at the provider begin. */
export const consentEndpoint: Endpoint = async (http, ctx, call) => {
  if (!isSameOrigin(http, ctx.settings.origin)) throw foreignForm()
  const { fields } = await readForm(http)
  const { request: asked, cookies } = closeConsent(ctx, http, fields.request)
  const request = approve(asked, fields)
  if (request instanceof OAuthError) return deny(ctx, call, asked, request, cookies)
  const client = request.client.key
  const upstream = chosenProvider(await choicesFor(ctx, http, request.resource), fields.provider)
  const { flow, cookies: started } = await startSignIn(
    ctx,
    http,
    { ...request, provider: upstream.id },
    upstream.provider,
  )
  let location: string
  try {
    location = await upstream.authorizationUrl(flow, fields.account === 'another')
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    call.emit({ endpoint: '/consent', client, provider: upstream.id, ...refusal(error) })
    // The user approved this client, so that it may learn of the failure.
    return authorizationError(ctx, call, request, error, { trusted: true, cookies })
  }
  call.emit({
    type: 'consented',
    client,
    clientName: request.client.name,
    resource: request.resource,
    provider: upstream.id,
  })
  return redirect(location, [...cookies, ...started])
}

/** Returns the request as the user approved it. A button that names a provider approves, too. */
function approve(
  request: SignInRequest,
  fields: Readonly<Record<string, string | undefined>>,
): SignInRequest | OAuthError {
  const allowed =
    fields.decision === 'allow' || (fields.decision === undefined && fields.provider !== undefined)
  if (!allowed) return new OAuthError('access_denied', 'The request was denied', { reason: 'denied-by-user' })
  try {
    return approvedRequest(request, fields)
  } catch (error) {
    if (error instanceof OAuthError) return error
    throw error
  }
}

function deny(
  ctx: Context,
  call: Call,
  request: SignInRequest,
  error: OAuthError,
  cookies: readonly string[],
): Response {
  call.emit({
    type: 'denied',
    client: request.client.key,
    clientName: request.client.name,
    resource: request.resource,
  })
  return authorizationError(ctx, call, request, error, { trusted: request.trusted, cookies })
}
