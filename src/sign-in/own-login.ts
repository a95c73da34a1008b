import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { redirect } from '../http/responses.ts'
import type { Identity, UpstreamTokens } from '../ports.ts'
import { isWelcome } from '../upstream/admit-user.ts'
import { completeSignIn } from './complete.ts'
import { describeScope } from './describe-scope.ts'
import { finishAccountSignIn, finishSignIn, isAccountSignIn } from './pending.ts'
import { userOf } from './provider-choice.ts'
import { openSession } from './session.ts'

/** A sign-in that waits for the application's own page. The user has approved it already. */
export interface AuthRequest {
  /** Names the sign-in; the page has to carry it to `completeAuthorization`. */
  readonly state: string
  /** Who asks; absent where the user signs in to see what they have connected. */
  readonly client?: { readonly id: string; readonly name: string }
  readonly redirectUri?: string
  readonly resource?: string
  /** What was approved, by name and in words. */
  readonly scopes: readonly { readonly name: string; readonly description: string }[]
}

/** Who signed in at the application's own page. */
export interface SignedInUser {
  /** What never changes about them, such as the key of their row. */
  readonly id: string
  readonly email?: string | undefined
  /** Only `true` where the application has made sure. */
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  /** Handed to the MCP server as `auth.user.claims`; kept sealed with the grant. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** A token for the application's own API, for `auth.upstream.accessToken()`. `expiresAt` is in seconds. */
  readonly token?: { readonly accessToken: string; readonly expiresAt?: number }
}

const stateOf = (http: Request): string | undefined =>
  new URL(http.url).searchParams.get('state') ?? undefined

/**
 * The sign-in that a request to the application's page is about. It is left as it is.
 *
 * @throws {OAuthError} `access_denied` from another browser, `invalid_request` too late.
 */
export function parseAuthRequest(ctx: Context, http: Request): AuthRequest {
  const state = stateOf(http)
  if (isAccountSignIn(ctx, http, state)) {
    assertOwn(ctx, finishAccountSignIn(ctx, http, state).provider)
    return { state: state!, scopes: [] }
  }
  const { request } = finishSignIn(ctx, http, state)
  assertOwn(ctx, request.provider)
  const { client, redirectUri, resource } = request
  const scopes = request.scope.map((name) => ({ name, description: describeScope(name, ctx.settings) }))
  return { state: state!, client: { id: client.key, name: client.name }, redirectUri, resource, scopes }
}

/**
 * Ends a sign-in: once, in the browser it was started in.
 *
 * @param http The request that the application's page got, with its cookies.
 * @returns What to answer: the way back to the client.
 * @throws {OAuthError} As {@link parseAuthRequest}.
 */
export async function completeAuthorization(
  ctx: Context,
  call: Call,
  http: Request,
  { state = stateOf(http), user }: { state?: string | undefined; user: SignedInUser },
): Promise<Response> {
  const identity: Identity = {
    issuer: ctx.settings.issuer,
    subject: user.id,
    email: user.email,
    emailVerified: user.emailVerified,
    name: user.name,
    claims: user.claims ?? {},
  }
  const tokens: UpstreamTokens = {
    accessToken: user.token?.accessToken ?? '',
    expiresAt: user.token?.expiresAt,
  }
  if (isAccountSignIn(ctx, http, state)) return openAccount(ctx, call, http, state, identity)
  const { request, cookies } = finishSignIn(ctx, http, state)
  const upstream = assertOwn(ctx, request.provider)
  const allowed = await isWelcome(ctx.settings.allow, upstream, identity)
  return completeSignIn(ctx, call, upstream, { request, judged: { identity, tokens, allowed }, cookies })
}

async function openAccount(
  ctx: Context,
  call: Call,
  http: Request,
  state: string | undefined,
  identity: Identity,
): Promise<Response> {
  const { provider, cookies } = finishAccountSignIn(ctx, http, state)
  const upstream = assertOwn(ctx, provider)
  if (!(await isWelcome(ctx.settings.allow, upstream, identity)))
    throw new OAuthError('access_denied', 'You signed in, but this account may not use this server', {
      reason: 'not-in-allow',
    })
  const user = userOf(ctx, provider, identity)
  call.emit({ type: 'account-opened', user, provider })
  return redirect(`${ctx.settings.issuer}/account`, [...cookies, ...openSession(ctx, user, identity)])
}

/** A sign-in that was sent to a provider is not the application's to end. */
function assertOwn({ upstreams }: Context, provider: string | undefined) {
  const upstream = upstreams.find(provider)
  if (upstream && upstream.callback === '') return upstream
  throw new OAuthError('access_denied', 'This sign-in was sent to another place', {
    reason: 'not-a-sign-in-of-the-application',
  })
}
