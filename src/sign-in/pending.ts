import type { Client } from '../clients/client.ts'
import type { Context } from '../context.ts'
import { randomId } from '../crypto/random.ts'
import { OAuthError } from '../errors.ts'
import type { ApprovalKey } from '../grants/approvals.ts'
import { clearCookies, joinCookies, makeRoom, readCookies, setCookies } from '../http/cookies.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { upstreamScopes } from '../protocol/scope.ts'
import type { ReasonCode } from '../reasons/reasons.ts'
import { isShort, type KeptState } from '../tokens/client-states.ts'
import type { UpstreamFlow } from '../upstream/upstream.ts'

/*
 * A sign-in under way is kept in the browser, not in the storage. Before consent it is the sealed request in the form, with
 * a cookie that binds the form to this browser. After consent it is a sealed cookie, named by the `state` that is sent to
 * the provider and that does not exist before. Only a long `state` of the client is stored, once the user has approved.
 */

/** The client's request, as it was when the client sent it. Nothing later can change it. */
export interface SignInRequest extends AuthorizationRequest, KeptState {
  readonly client: Pick<Client, 'key' | 'name'> &
    Partial<Pick<Client, 'authMethods'>> & {
      /** `true` if the grant gets refresh tokens. */
      readonly refreshes: boolean
    }
  readonly redirectUri: string
  /** The scopes that the user may leave out. */
  readonly optional?: readonly string[]
  /** The subject of the approval, if that may be remembered. */
  readonly remember?: string
  /** The earlier approval that stands for the user's answer. It counts only for its own user. */
  readonly approval?: ApprovalKey
  /** The id of the provider, once the user has chosen it. */
  readonly provider?: string
  /** Names the request in the browser, on a loopback host. Absent before the user approved it. */
  readonly mark?: string
  /** Whether errors may be sent by redirect before the user has approved. */
  readonly trusted: boolean
}

/** The content of the sealed cookie of a sign-in under way. */
interface UnderWay extends UpstreamFlow {
  /** The id of the provider, for a sign-in without a request. */
  readonly provider?: string
  /** Seconds since the epoch. */
  readonly until: number
}

interface Approved extends UnderWay {
  readonly request: SignInRequest
}

/** The longest sign-in, in bytes of JSON. Sealed, it fits into 4 KiB together with the address of the provider. */
const MAX_SIGN_IN = 1600
/** The part of it that is not the request, in bytes. */
const OVERHEAD = 300
/** The name of an earlier approval, in bytes. */
const APPROVAL = 70
const PENDING = /^(consent|sign-in|account-sign-in)-/

/** Refuses a sign-in that this browser did not start. */
export const notThisBrowser = (reason: ReasonCode): OAuthError =>
  new OAuthError(
    'access_denied',
    'This sign-in was not started in this browser, or it has been completed already',
    { reason },
  )

/** Refuses a sign-in that took longer than `signInTtl`. */
export const tooLate = (): OAuthError =>
  new OAuthError('invalid_request', 'This sign-in took too long', { reason: 'sign-in-expired', status: 400 })

/**
 * Checks that the sign-in of a request will fit into a cookie. A long `state` does not count, because it is stored.
 *
 * @throws {OAuthError} `invalid_request`
 */
export function assertFits({ settings }: Context, asked: SignInRequest): void {
  const { optional, state, ...request } = asked
  // The user has not chosen the provider yet, so the scopes of all of them count.
  const more = request.scope.flatMap((one) => Object.values(settings.scopes[one]?.upstream ?? []).flat())
  const inCookie = isShort(state) ? state : undefined
  const json = JSON.stringify({ request: { ...request, state: inCookie }, more })
  const added = OVERHEAD + (request.remember === undefined ? 0 : APPROVAL)
  if (new TextEncoder().encode(json).length + added <= MAX_SIGN_IN) return
  throw new OAuthError(
    'invalid_request',
    'The client_id, redirect_uri, scope and state are too long together',
    {
      reason: 'request-too-long',
    },
  )
}

/** Returns the cookies that make room for new ones. The approvals that the browser names stay, and leave less of it. */
export const makeRoomFor = (
  { settings }: Context,
  cookies: ReadonlyMap<string, string>,
  added: readonly string[],
): string[] => makeRoom(settings.cookies, cookies, added, (name) => PENDING.test(name), [APPROVALS])

/** The cookie that names the approvals of this browser. */
export const APPROVALS = 'approvals'

/** A sign-in that came back from the provider to the browser that started it. */
export interface Finished {
  readonly flow: UpstreamFlow
  readonly request: SignInRequest
  readonly cookies: readonly string[]
}

/** A sign-in that can be sent to the provider. */
interface Started {
  readonly flow: UpstreamFlow
  readonly cookies: string[]
}

/**
 * Starts the sign-in at the provider. Its `state`, verifier and nonce are made here, after the user approved.
 *
 * @param provider The provider's id in the options.
 * @param round Marks a second round.
 */
export async function startSignIn(
  ctx: Context,
  http: Request,
  asked: SignInRequest,
  provider: string,
  round: Pick<UpstreamFlow, 'isRepeated'> = {},
): Promise<Started> {
  const request = { ...asked, ...(await ctx.clientStates.keep(asked.state)) }
  return start(ctx, http, 'sign-in', {
    request,
    more: upstreamScopes(request.scope, ctx.settings.scopes, provider),
    ...round,
  })
}

/** Starts a sign-in to the account page. */
export const startAccountSignIn = (ctx: Context, http: Request, provider: string): Started =>
  start(ctx, http, 'account-sign-in', { provider })

/** Tells whether a `state` belongs to a sign-in to the account page that this browser has started. */
export const isAccountSignIn = (ctx: Context, http: Request, state: string | undefined): boolean =>
  readCookies(http, ctx.settings.cookies).has(`account-sign-in-${state}`)

/**
 * Returns the sign-in that a response of the provider belongs to: once, in the browser in which it started.
 *
 * @throws {OAuthError} `access_denied` from another browser or a second time, `invalid_request` if it expired.
 */
export function finishSignIn(ctx: Context, http: Request, state: string | undefined): Finished {
  const { found, cookies } = finish<Approved>(ctx, http, 'sign-in', state)
  return { flow: found, request: found.request, cookies }
}

/**
 * Returns the request with the client's `state`, which may be in the storage.
 *
 * @throws {OAuthError} `invalid_request` if the state has expired.
 */
export async function withClientState(
  { clientStates }: Context,
  request: SignInRequest,
): Promise<SignInRequest> {
  if (request.stateKept === undefined) return request
  const state = await clientStates.load(request)
  if (state === undefined) throw tooLate()
  return { ...request, state }
}

/** Returns a sign-in to the account page. @throws {OAuthError} As {@link finishSignIn}. */
export function finishAccountSignIn(
  ctx: Context,
  http: Request,
  state: string | undefined,
): { flow: UpstreamFlow; provider: string | undefined; cookies: string[] } {
  const { found, cookies } = finish<UnderWay>(ctx, http, 'account-sign-in', state)
  return { flow: found, provider: found.provider, cookies }
}

/** The kind of a sign-in, which is also the purpose that its cookie is sealed for. */
type Destination = 'sign-in' | 'account-sign-in'

function start(
  ctx: Context,
  http: Request,
  to: Destination,
  what: Pick<UpstreamFlow, 'more' | 'isRepeated'> &
    Partial<Pick<UnderWay, 'provider'>> &
    Partial<Pick<Approved, 'request'>>,
): Started {
  const { signInTtl, now, cookies: rule } = ctx.settings
  const flow = { state: randomId(), verifier: randomId(32), nonce: randomId(), more: what.more }
  const sealed = ctx.sealer.seal(to, flow.state, { ...flow, ...what, until: now() + signInTtl })
  const added = setCookies(rule, `${to}-${flow.state}`, sealed, signInTtl)
  return { flow, cookies: [...makeRoomFor(ctx, readCookies(http, rule), added), ...added] }
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
