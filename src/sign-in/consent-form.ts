import type { Context } from '../context.ts'
import { equal } from '../crypto/compare.ts'
import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import { OAuthError } from '../errors.ts'
import { clearCookies, readCookies, setCookies } from '../http/cookies.ts'
import { isUseful, OFFLINE_ACCESS } from '../protocol/scope.ts'
import { alteredForm } from '../refusals.ts'
import { assertFits, makeRoomFor, notThisBrowser, type SignInRequest, tooLate } from './pending.ts'

/** A request that waits for the user's decision. It is sealed in the form. */
interface Pending {
  readonly request: SignInRequest
  readonly id: string
  /** Digest of the cookie's value. */
  readonly binding: string
  /** Seconds since the epoch. */
  readonly until: number
}

const CONSENT = 'consent-'

/** The parts of a consent page that bind it to this browser. */
export interface OpenedConsent {
  /** The sealed request that the form carries. */
  readonly sealed: string
  readonly cookies: readonly string[]
  /** Names the request in this browser, on a loopback host. */
  readonly mark: string | undefined
}

/**
 * Prepares a consent form: the sealed request, and the cookie that binds the form to this browser.
 *
 * @throws {OAuthError} `invalid_request` if the sign-in would not fit into a cookie.
 */
export function openConsent(ctx: Context, http: Request, request: SignInRequest): OpenedConsent {
  const { signInTtl, now, cookies: rule } = ctx.settings
  assertFits(ctx, request)
  const [id, value] = [randomId(8), randomId()]
  const pending: Pending = { request, id, binding: digest(value), until: now() + signInTtl }
  const added = setCookies(rule, CONSENT + id, value, signInTtl)
  return {
    sealed: ctx.sealer.seal('consent', 'form', pending),
    mark: markOf(ctx, id),
    cookies: [...makeRoomFor(ctx, readCookies(http, rule), added), ...added],
  }
}

/**
 * Opens a consent form once, in the browser it was made for.
 *
 * @throws {OAuthError} `access_denied` from another browser or a second time, `invalid_request` if it expired.
 */
export function closeConsent(
  ctx: Context,
  http: Request,
  sealed: string | undefined,
): { request: SignInRequest; cookies: string[] } {
  const pending = ctx.sealer.open('consent', 'form', sealed ?? '') as Pending | undefined
  if (!pending) throw alteredForm('invalid_request', 'consent-form-invalid')
  const cookies = readCookies(http, ctx.settings.cookies)
  const value = cookies.get(CONSENT + pending.id)
  if (value === undefined || !equal(digest(value), pending.binding)) {
    throw notThisBrowser('consent-cookie-missing')
  }
  if (pending.until <= ctx.settings.now()) throw tooLate()
  const mark = markOf(ctx, pending.id)
  return {
    request: { ...pending.request, ...(mark !== undefined && { mark }) },
    cookies: clearCookies(ctx.settings.cookies, cookies, CONSENT + pending.id),
  }
}

/** Returns the name of a request in the browser. It is needed only if other ports can plant cookies. */
const markOf = ({ settings }: Context, id: string): string | undefined =>
  settings.cookies.secure ? undefined : `lockgate-${id}`

/** Returns the name of a scope's check box in the consent form. */
export const fieldOf = (scope: string): string => `scope ${scope}`

/**
 * Returns the request as the user approved it: without the scopes that they left out. Without `offline_access` the grant
 * gets no refresh token.
 *
 * @throws {OAuthError} `access_denied` if nothing useful is left.
 */
export function approvedRequest(
  request: SignInRequest,
  fields: Readonly<Record<string, string | undefined>>,
): SignInRequest {
  const { optional = [], client, ...rest } = request
  const leftOut = optional.filter((scope) => fields[fieldOf(scope)] === undefined)
  const scope = request.scope.filter((one) => !leftOut.includes(one))
  if (!isUseful(scope)) {
    throw new OAuthError('access_denied', 'The user approved none of the requested scopes', {
      reason: 'denied-by-user',
    })
  }
  const refreshes = client.refreshes && !leftOut.includes(OFFLINE_ACCESS)
  return { ...rest, scope, client: { ...client, refreshes } }
}
