import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { redirect } from '../http/responses.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { authorizationError } from './authorization-error.ts'
import { type SignInRequest, startSignIn } from './pending.ts'

/**
 * Sends the browser to the provider with a request that the user approved. The sign-in begins here: before that it has no
 * `state`.
 *
 * @param about.another Lets the user choose another account there.
 * @param about.cookies The cookies of the response.
 */
export async function sendToProvider(
  ctx: Context,
  call: Call,
  http: Request,
  about: {
    request: SignInRequest
    upstream: Upstream
    endpoint: string
    another?: boolean
    cookies?: readonly string[]
  },
): Promise<Response> {
  const { request, upstream, endpoint, another = false, cookies = [] } = about
  const client = request.client.key
  const { flow, cookies: started } = await startSignIn(
    ctx,
    http,
    { ...request, provider: upstream.id },
    upstream.provider,
  )
  let location: string
  try {
    location = await upstream.authorizationUrl(flow, another)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    call.emit({ endpoint, client, provider: upstream.id, ...refusal(error) })
    // The user approved this client, so that it may learn of the failure.
    return authorizationError(ctx, call, request, error, { trusted: true, cookies })
  }
  const event = {
    client,
    clientName: request.client.name,
    resource: request.resource,
    provider: upstream.id,
  }
  const { approval } = request
  call.emit(
    approval
      ? { type: 'consent-remembered', ...event, user: approval.user }
      : { type: 'consented', ...event },
  )
  return redirect(location, [...cookies, ...started])
}
