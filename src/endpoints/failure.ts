import type { Call, Context } from '../context.ts'
import { errorText, OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { allowOrigin } from '../http/cors.ts'
import type { HeaderFields } from '../http/head.ts'
import { json, page } from '../http/responses.ts'
import { errorPage, errorView } from '../pages/error-page.ts'
import { serverError } from '../refusals.ts'

/** The kind of client that an endpoint is for: programs, also in pages of any origin, or the user's browser itself. */
export type Caller = 'program' | 'browser'

/** Returns an error as a refusal. Anything but an {@link OAuthError} tells the client nothing. */
export const asRefusal = (thrown: unknown): OAuthError =>
  thrown instanceof OAuthError ? thrown : serverError({ reason: 'unexpected', cause: thrown })

/** Reports what an endpoint threw, and returns its response. @param endpoint The path for the event. */
export function failureResponse(
  thrown: unknown,
  { headers: fields }: { readonly headers: HeaderFields },
  endpoint: string | undefined,
  caller: Caller,
  ctx: Context,
  call: Call,
): Response {
  const error = asRefusal(thrown)
  const { code, message, status, retryAfter } = error
  call.emit({ endpoint, ...refusal(error) })
  const headers: Record<string, string> = {}
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter)
  if (caller === 'browser') {
    return page(errorPage(ctx.settings.look, errorView(error, call.requestId())), status, [], headers)
  }
  // RFC 6749 §5.2: the challenge names the scheme that the client used.
  const basic = /^basic /i.test(fields.get('authorization') ?? '')
  if (code === 'invalid_client' && basic)
    headers['www-authenticate'] = 'Basic realm="lockgate", charset="UTF-8"'
  const response = json({ error: code, error_description: errorText(message) }, status, headers)
  return fields.has('origin') ? allowOrigin(response, '*') : response
}
