import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Identity } from '../ports.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { openAccount } from './account.ts'
import { completeSignIn } from './complete.ts'
import { describeScope } from './describe-scope.ts'
import { notAdmitted, type SignedIn } from './identify.ts'
import { finishAccountSignIn, finishSignIn, isAccountSignIn, withClientState } from './pending.ts'

/** A sign-in that waits for the application's own page. The user has approved it already. */
export interface AuthRequest {
  /** The name of the sign-in. The page must pass it to `completeAuthorization`. */
  readonly state: string
  /** The client; absent if the user signs in to the account page. */
  readonly client?: { readonly id: string; readonly name: string }
  readonly redirectUri?: string
  readonly resource?: string
  /** The approved scopes, by name and in words. */
  readonly scopes: readonly { readonly name: string; readonly description: string }[]
}

/** A user who signed in at the application's own page. */
export interface SignedInUser {
  /** The user's permanent id, such as the key of a database row. */
  readonly id: string
  readonly email?: string | undefined
  /** `true` only if the application has verified the address. */
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  /** Passed to the MCP server as `auth.user.claims`, and kept sealed with the grant. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** A token for the application's own API, for `auth.upstream.accessToken()`. `expiresAt` is in seconds. */
  readonly token?: { readonly accessToken: string; readonly expiresAt?: number }
}

const stateOf = (http: Request): string | undefined =>
  new URL(http.url).searchParams.get('state') ?? undefined

/**
 * Returns the sign-in that a request to the application's page belongs to. It stays pending.
 *
 * @throws {OAuthError} `access_denied` from another browser, `invalid_request` if it expired.
 */
export function parseAuthRequest(ctx: Context, http: Request): AuthRequest {
  const state = stateOf(http)
  if (isAccountSignIn(ctx, http, state)) {
    requireOwnLogin(ctx, finishAccountSignIn(ctx, http, state).provider)
    return { state: state!, scopes: [] }
  }
  const { request } = finishSignIn(ctx, http, state)
  requireOwnLogin(ctx, request.provider)
  const { client, redirectUri, resource } = request
  const scopes = request.scope.map((name) => ({ name, description: describeScope(name, ctx.settings) }))
  return { state: state!, client: { id: client.key, name: client.name }, redirectUri, resource, scopes }
}

/**
 * Completes a sign-in: once, in the browser in which it started.
 *
 * @param http The request that the application's page received, with its cookies.
 * @returns The response of the page: the way back to the client.
 * @throws {OAuthError} As {@link parseAuthRequest}.
 */
export async function completeAuthorization(
  ctx: Context,
  call: Call,
  http: Request,
  { state = stateOf(http), user }: { state?: string | undefined; user: SignedInUser },
): Promise<Response> {
  if (isAccountSignIn(ctx, http, state)) {
    const { provider, cookies } = finishAccountSignIn(ctx, http, state)
    const { identity, refusal } = await judge(ctx, requireOwnLogin(ctx, provider), user)
    if (refusal) throw notAdmitted(refusal)
    return openAccount(ctx, call, { provider, identity, cookies })
  }
  const { request: found, cookies } = finishSignIn(ctx, http, state)
  const upstream = requireOwnLogin(ctx, found.provider)
  const request = await withClientState(ctx, found)
  const signedIn = await judge(ctx, upstream, user)
  return completeSignIn(ctx, call, upstream, { http, request, signedIn, cookies })
}

async function judge(ctx: Context, upstream: Upstream, user: SignedInUser): Promise<SignedIn> {
  const { id: subject, email, emailVerified, name, claims = {}, token } = user
  const identity: Identity = {
    issuer: ctx.settings.issuer,
    subject,
    email,
    emailVerified,
    name,
    claims,
  }
  return { identity, tokens: token, refusal: await ctx.admitUser(upstream, identity) }
}

/** @throws {OAuthError} `access_denied` if the sign-in was sent to a provider: the application cannot complete it. */
function requireOwnLogin({ upstreams }: Context, provider: string | undefined): Upstream {
  const upstream = upstreams.find(provider)
  if (upstream?.kind === 'own-login') return upstream
  throw new OAuthError('access_denied', 'This sign-in was sent to another place', {
    reason: 'sign-in-method-mismatch',
  })
}
