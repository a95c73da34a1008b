import type { Call, Context, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { readForm } from '../http/params.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { foreignForm } from '../refusals.ts'
import { forgetApproval } from '../sign-in/approvals.ts'
import { authorizationError } from '../sign-in/authorization-error.ts'
import { approvedRequest, closeConsent } from '../sign-in/consent-form.ts'
import type { SignInRequest } from '../sign-in/pending.ts'
import { choicesFor, chosenProvider } from '../sign-in/provider-choice.ts'
import { sendToProvider } from '../sign-in/send-to-provider.ts'

/** Receives the user's decision. Only here does a sign-in at the provider begin. */
export const consentEndpoint: Endpoint = async (http, ctx, call) => {
  if (!isSameOrigin(http, ctx.settings.origin)) throw foreignForm()
  const { fields } = await readForm(http)
  const { request: asked, cookies } = closeConsent(ctx, http, fields.request)
  const request = approve(asked, fields)
  if (request instanceof OAuthError) {
    const forgotten = await forgetApproval(ctx, http, asked)
    return deny(ctx, call, asked, request, [...cookies, ...forgotten])
  }
  const upstream = chosenProvider(await choicesFor(ctx, http, request.resource), fields.provider)
  const another = fields.account === 'another'
  return sendToProvider(ctx, call, http, { request, upstream, endpoint: '/consent', another, cookies })
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
