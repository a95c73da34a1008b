import type { Call, Context } from '../context.ts'
import type { OAuthError } from '../errors.ts'
import { page, redirect } from '../http/responses.ts'
import { errorPage, errorView } from '../pages/error-page.ts'
import { describeRedirect, withResponse } from '../protocol/redirect-uri.ts'

/** Where an answer goes, and what it must return. */
export interface Addressee {
  readonly redirectUri: string
  readonly state: string | undefined
}

/**
 * Tells the client of an error: by redirect where it is trusted or the user approved it, else on a page of ours
 * with a link. A client nobody knows must not get a browser sent to its site by asking wrongly.
 *
 * @see [OAuth 2.1 §7.12.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-7.12.2)
 * @see [RFC 9207 §2](https://www.rfc-editor.org/rfc/rfc9207#section-2)
 */
export function answerError(
  { settings }: Context,
  call: Call,
  { redirectUri, state }: Addressee,
  error: OAuthError,
  { trusted, cookies }: { trusted: boolean; cookies?: readonly string[] },
): Response {
  const href = withResponse(redirectUri, {
    error: authorizationCode(error),
    error_description: error.message,
    state,
    iss: settings.issuer,
  })
  if (trusted) return redirect(href, cookies)
  const back = { href, target: describeRedirect(redirectUri).target }
  const status = error.status >= 500 ? error.status : error.code === 'access_denied' ? 200 : 400
  return page(errorPage(settings.look, { ...errorView(error, call.requestId()), back }), status, cookies)
}

/** The code as RFC 6749 §4.1.2.1 knows it. */
const authorizationCode = ({ code }: OAuthError): string =>
  code === 'invalid_grant' || code === 'bad_gateway' || code === 'invalid_client' ? 'server_error' : code
