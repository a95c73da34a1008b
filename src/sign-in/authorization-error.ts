import type { Call, Context } from '../context.ts'
import { errorText, type OAuthError } from '../errors.ts'
import { page, redirect } from '../http/responses.ts'
import { errorPage, errorView } from '../pages/error-page.ts'
import { describeRedirect, withResponse } from '../protocol/redirect-uri.ts'

/** The client that gets an authorization response. */
export interface Addressee {
  readonly redirectUri: string
  readonly state: string | undefined
}

/**
 * Tells the client of an error. A client that is trusted, or that the user approved, gets it by redirect. For another one
 * it is a page with a link, because an unknown client must not send a browser to its site by a wrong request.
 *
 * @see [OAuth 2.1 §7.12.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-7.12.2)
 * @see [RFC 9207 §2](https://www.rfc-editor.org/rfc/rfc9207#section-2)
 */
export function authorizationError(
  { settings }: Context,
  call: Call,
  { redirectUri, state }: Addressee,
  error: OAuthError,
  { trusted, cookies }: { trusted: boolean; cookies?: readonly string[] },
): Response {
  const href = withResponse(redirectUri, {
    error: codeOf(error),
    error_description: errorText(error.message),
    state,
    iss: settings.issuer,
  })
  if (trusted) return redirect(href, cookies)
  const back = { href, target: describeRedirect(redirectUri).target }
  const status = error.status >= 500 ? error.status : error.code === 'access_denied' ? 200 : 400
  return page(errorPage(settings.look, { ...errorView(error, call.requestId()), back }), status, cookies)
}

/** Returns an error code of RFC 6749 §4.1.2.1. */
const codeOf = ({ code }: OAuthError): string =>
  code === 'invalid_grant' || code === 'bad_gateway' || code === 'invalid_client' ? 'server_error' : code
