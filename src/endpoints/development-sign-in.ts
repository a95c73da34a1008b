import type { Call, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { isLoopbackHost } from '../http/loopback.ts'
import { readForm } from '../http/params.ts'
import { page } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { developmentPage } from '../pages/development-page.ts'
import { foreignForm } from '../refusals.ts'
import { completeAuthorization, parseAuthRequest } from '../sign-in/own-login.ts'

const EMAIL = /^[\x21-\x7e]+@[\x21-\x7e]+$/

/** Shows the page on which a developer chooses a user. */
export const developmentPageEndpoint: Endpoint = (http, ctx, call) => {
  assertThisMachine(http, call)
  parseAuthRequest(ctx, http)
  return page(developmentPage(ctx.settings.look, { action: actionOf(http) }))
}

/** Signs in as the chosen user. */
export const developmentSignInEndpoint: Endpoint = async (http, ctx, call) => {
  assertThisMachine(http, call)
  if (!isSameOrigin(http, ctx.settings.origin)) throw foreignForm()
  const { fields } = await readForm(http)
  const email = fields.email?.trim() ?? ''
  if (!EMAIL.test(email) || email.length > 254) {
    const problem = 'Enter an e-mail address such as dev@example.com.'
    return page(developmentPage(ctx.settings.look, { action: actionOf(http), problem }), 400)
  }
  const groups = (fields.groups ?? '')
    .split(',')
    .map((group) => group.trim())
    .filter(Boolean)
  const user = {
    id: email.toLowerCase(),
    email,
    emailVerified: true,
    name: email.split('@')[0]!,
    claims: { groups },
  }
  return completeAuthorization(ctx, call, http, { user })
}

const actionOf = (http: Request): string => {
  const { pathname, search } = new URL(http.url)
  return pathname + search
}

/**
 * Refuses requests of other machines: the listener may be reachable from the network although the URL is not.
 *
 * @throws {OAuthError} `access_denied`.
 */
function assertThisMachine(http: Request, call: Call): void {
  const address = call.clientAddress()
  const isHere = address === undefined || /^(127\.|::1$|::ffff:127\.)/.test(address)
  if (isHere && isLoopbackHost(new URL(http.url).hostname)) return
  throw new OAuthError('access_denied', 'This sign-in works only on the machine that it runs on', {
    reason: 'development-only',
  })
}
