import type { Client } from '../clients/client.ts'
import type { Context } from '../context.ts'
import { equal } from '../crypto/compare.ts'
import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import { OAuthError } from '../errors.ts'
import { clearCookies, joinCookies, readCookies, setCookies } from '../http/cookies.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { isUseful, OFFLINE_ACCESS, upstreamScopes } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { alteredForm } from '../refusals.ts'
import type { UpstreamFlow } from '../upstream/upstream.ts'

/*
 * A sign-in under way lives with the browser, never in the storage. Before consent it is the sealed request in
 * the form, beside a cookie that binds the form to this browser; after consent it is a sealed cookie named by
 * the `state` sent to the provider, which does not exist before.
 */

/** The client's request, as it was when the client sent it. Nothing later can change it. */
export interface SignInRequest extends AuthorizationRequest {
  readonly client: Pick<Client, 'key' | 'name'> &
    Partial<Pick<Client, 'authMethods'>> & {
      /** Whether the grant gets refresh tokens. */
      readonly refreshes: boolean
    }
  readonly redirectUri: string
  /** The scopes that the user may leave out. */
  readonly optional?: readonly string[]
  /** The id of the provider, once the user has chosen it. */
  readonly provider?: string
  /** Names the request in the browser, on a loopback host. Absent before the user approved it. */
  readonly mark?: string
  /** Whether errors may go back by redirect before the user has approved. */
  readonly trusted: boolean
}

interface Pending {
  readonly request: SignInRequest
  readonly id: string
  /** Digest of the cookie's value. */
  readonly binding: string
  readonly until: number
}

/** What a sealed cookie holds of a sign-in under way. The purpose it is sealed for says where the sign-in leads. */
interface UnderWay extends UpstreamFlow {
  /** Where it leads, for a sign-in that has no request to say so. */
  readonly provider?: string
  readonly until: number
}

interface Approved extends UnderWay {
  readonly request: SignInRequest
}

/** Unfinished sign-ins of one browser that are kept; opening more gives up the oldest. */
const KEEP = 8

const CONSENT = 'consent-'

const notThisBrowser = (reason: ReasonCode) =>
  new OAuthError(
    'access_denied',
    'This sign-in was not started in this browser, or it has been answered already',
    {
      reason,
    },
  )

const tooLate = () =>
  new OAuthError('invalid_request', 'This sign-in took too long', { reason: 'sign-in-expired', status: 400 })

/** Puts a request before the user: what the form carries, and the cookie it is bound to. */
export function openConsent(
  ctx: Context,
  http: Request,
  request: SignInRequest,
): { sealed: string; cookies: string[]; mark: string } {
  const { signInTtl, now } = ctx.settings
  const [id, value] = [randomId(8), randomId()]
  const pending: Pending = { request, id, binding: digest(value), until: now() + signInTtl }
  const cookies = setCookies(ctx.settings.cookies, CONSENT + id, value, signInTtl)
  return {
    sealed: ctx.sealer.seal('consent', 'form', pending),
    mark: markOf(pending),
    cookies: [...prune(ctx, http, CONSENT), ...cookies],
  }
}

/**
 * The request a consent form carries, once, in the browser it was made for.
 *
 * @throws {OAuthError} `access_denied` from another browser or a second time, `invalid_request` too late.
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
  if (value === undefined || !equal(digest(value), pending.binding))
    throw notThisBrowser('consent-cookie-missing')
  if (pending.until <= ctx.settings.now()) throw tooLate()
  return {
    request: { ...pending.request, ...(!ctx.settings.cookies.secure && { mark: markOf(pending) }) },
    cookies: clearCookies(ctx.settings.cookies, cookies, CONSENT + pending.id),
  }
}

const markOf = ({ id }: Pick<Pending, 'id'>) => `lockgate-${id}`

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
  const { optional = [], client } = request
  const leftOut = optional.filter((scope) => fields[fieldOf(scope)] === undefined)
  const scope = request.scope.filter((one) => !leftOut.includes(one))
  if (!isUseful(scope)) {
    throw new OAuthError('access_denied', 'The user approved none of the requested scopes', {
      reason: 'denied-by-user',
    })
  }
  const refreshes = client.refreshes && !leftOut.includes(OFFLINE_ACCESS)
  return { ...request, scope, client: { ...client, refreshes } }
}

/** Starts the sign-in at the provider: `state`, verifier and nonce are made here, after the user approved. */
export const startSignIn = (ctx: Context, http: Request, request: SignInRequest): Started =>
  start(ctx, http, 'sign-in', { request, more: upstreamScopes(request.scope, ctx.settings.scopes) })

/** Starts a sign-in to the account page. */
export const startAccountSignIn = (ctx: Context, http: Request, provider: string): Started =>
  start(ctx, http, 'account-sign-in', { provider })

/** Whether a `state` belongs to a sign-in to the account page that this browser has started. */
export const isAccountSignIn = (ctx: Context, http: Request, state: string | undefined): boolean =>
  readCookies(http, ctx.settings.cookies).has(`account-sign-in-${state}`)

/**
 * The sign-in that the provider's answer belongs to, once, in the browser it was started in.
 *
 * @throws {OAuthError} `access_denied` from another browser or a second time, `invalid_request` too late.
 */
export function finishSignIn(
  ctx: Context,
  http: Request,
  state: string | undefined,
): { flow: UpstreamFlow; request: SignInRequest; cookies: string[] } {
  const { found, cookies } = finish<Approved>(ctx, http, 'sign-in', state)
  return { flow: found, request: found.request, cookies }
}

/** The same for the account page. @throws {OAuthError} As {@link finishSignIn}. */
export function finishAccountSignIn(
  ctx: Context,
  http: Request,
  state: string | undefined,
): { flow: UpstreamFlow; provider: string | undefined; cookies: string[] } {
  const { found, cookies } = finish<UnderWay>(ctx, http, 'account-sign-in', state)
  return { flow: found, provider: found.provider, cookies }
}

interface Started {
  readonly flow: UpstreamFlow
  readonly cookies: string[]
}

type Destination = 'sign-in' | 'account-sign-in'

function start(
  ctx: Context,
  http: Request,
  to: Destination,
  what: Pick<UpstreamFlow, 'more'> & Partial<Pick<UnderWay, 'provider'>> & Partial<Pick<Approved, 'request'>>,
): Started {
  const { signInTtl, now } = ctx.settings
  const flow = { state: randomId(), verifier: randomId(32), nonce: randomId(), more: what.more }
  const sealed = ctx.sealer.seal(to, flow.state, { ...flow, ...what, until: now() + signInTtl })
  return {
    flow,
    cookies: [
      ...prune(ctx, http, `${to}-`),
      ...setCookies(ctx.settings.cookies, `${to}-${flow.state}`, sealed, signInTtl),
    ],
  }
}

function finish<T extends UnderWay>(
  ctx: Context,
  http: Request,
  to: Destination,
  state: string | undefined,
): { found: T; cookies: string[] } {
  const cookies = readCookies(http, ctx.settings.cookies)
  const sealed = state === undefined ? undefined : joinCookies(cookies, `${to}-${state}`)
  if (state === undefined || sealed === undefined) throw notThisBrowser('sign-in-cookie-missing')
  const found = ctx.sealer.open(to, state, sealed) as T | undefined
  if (!found) throw notThisBrowser('sign-in-cookie-invalid')
  if (found.until <= ctx.settings.now()) throw tooLate()
  return { found, cookies: clearCookies(ctx.settings.cookies, cookies, `${to}-${state}`) }
}

/** Removes unfinished sign-ins beyond the newest few, so that abandoned ones never fill the request header. */
function prune(ctx: Context, http: Request, prefix: string): string[] {
  const cookies = readCookies(http, ctx.settings.cookies)
  const names = [...cookies.keys()].filter((name) => name.startsWith(prefix) && !name.includes('.'))
  return names
    .slice(0, Math.max(0, names.length - KEEP + 1))
    .flatMap((name) => clearCookies(ctx.settings.cookies, cookies, name))
}
