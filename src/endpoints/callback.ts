import type { Call, Context, Endpoint } from '../context.ts'
import { digest } from '../crypto/digest.ts'
import { refusal } from '../events/refusal.ts'
import { readForm, toParams } from '../http/params.ts'
import { readResponse, toResponse } from '../http/response-data.ts'
import { redirect } from '../http/responses.ts'
import { withResponse } from '../protocol/redirect-uri.ts'
import { completeAccountSignIn } from '../sign-in/account.ts'
import { authorizationError } from '../sign-in/authorization-error.ts'
import { completeSignIn } from '../sign-in/complete.ts'
import { asRefusal, identifyUser, RESPONSE_PARAMETERS } from '../sign-in/identify.ts'
import { type Finished, finishSignIn, isAccountSignIn, withClientState } from '../sign-in/pending.ts'
import { requestedProvider } from '../sign-in/provider-choice.ts'
import { endRepeat, repeatSignIn } from '../sign-in/repeat.ts'

/**
 * Receives the provider's authorization response, and completes the sign-in. A browser may send the same request twice at
 * once, and some providers end the tokens of a code that they see twice. Both requests get the outcome of one exchange.
 *
 * @see [OAuth 2.1 §4.1.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2)
 */
export const callbackEndpoint: Endpoint = async (http, ctx, call) => {
  if (http.method === 'POST') return fromForm(http, ctx)
  const { fields } = toParams(new URL(http.url).searchParams)
  if (isAccountSignIn(ctx, http, fields.state)) {
    // With the cookies in the key, no other browser joins.
    const key = digest(`${http.url}\n${http.headers.get('cookie')}`)
    return once(key, () => completeAccountSignIn(http, ctx, call, fields), ctx)
  }
  // Only the browser that started the sign-in comes further.
  const finished = finishSignIn(ctx, http, fields.state)
  return once(digest(http.url), () => complete(http, ctx, call, { fields, finished }), ctx)
}

/** Does the work of a key once, and gives every request that waits for it a response of its own. */
const once = async (
  key: string,
  work: () => Response | Promise<Response>,
  { callbacks }: Context,
): Promise<Response> => toResponse(await callbacks.join(key, async () => readResponse(await work())))

async function complete(
  http: Request,
  ctx: Context,
  call: Call,
  { fields, finished }: { fields: Readonly<Record<string, string>>; finished: Finished },
): Promise<Response> {
  const { flow, request: found, cookies } = finished
  const request = await withClientState(ctx, found)
  const upstream = await requestedProvider(ctx, http, request.provider)
  try {
    const signedIn = await identifyUser(ctx, call, upstream, fields, flow)
    const named = { finished, signedIn }
    const again = await repeatSignIn(ctx, call, upstream, http, named)
    if (again) return again
    const response = await completeSignIn(ctx, call, upstream, { http, request, signedIn, cookies })
    call.defer(endRepeat(ctx, named))
    return response
  } catch (error) {
    const refused = asRefusal(error)
    const { client, resource, provider } = request
    call.emit({
      endpoint: '/callback',
      ...refusal(refused),
      client: client.key,
      clientName: client.name,
      resource,
      provider,
    })
    return authorizationError(ctx, call, request, refused, { trusted: true, cookies })
  }
}

/**
 * Sends a posted response to this address again as a GET. A request that another site posts carries no cookies.
 *
 * @see [OAuth 2.0 Form Post Response Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)
 */
async function fromForm(http: Request, { settings }: Context): Promise<Response> {
  const { fields } = await readForm(http)
  const params = Object.fromEntries(RESPONSE_PARAMETERS.map((name) => [name, fields[name]]))
  return redirect(withResponse(settings.origin + new URL(http.url).pathname, params))
}
