import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Grant } from '../grants/grant.ts'
import { newGrantKey } from '../grants/grant-key.ts'
import { ownerOf } from '../grants/owner.ts'
import { page, redirect } from '../http/responses.ts'
import { errorPage } from '../pages/error-page.ts'
import type { Identity, UpstreamTokens } from '../ports.ts'
import { describeRedirect, withResponse } from '../protocol/redirect-uri.ts'
import { backedScopes, isUseful } from '../protocol/scope.ts'
import { newCode } from '../tokens/codes.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Judged } from './identify.ts'
import type { SignInRequest } from './pending.ts'
import { userOf } from './provider-choice.ts'

/**
 * Somebody has signed in. Here, and nowhere before, the storage is written: one grant, under its code, which the client
 * is sent.
 *
 * @throws {OAuthError} `invalid_scope` where the provider granted nothing that is of use.
 * @see [OAuth 2.1 §4.1.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2)
 */
export async function completeSignIn(
  ctx: Context,
  call: Call,
  upstream: Upstream,
  { request, judged, cookies }: { request: SignInRequest; judged: Judged; cookies: readonly string[] },
): Promise<Response> {
  const { identity, tokens, allowed } = judged
  if (!allowed) return turnAway(ctx, call, request, identity, tokens, cookies)
  const scope = backedScopes(request.scope, ctx.settings.scopes, (one) => upstream.grants(tokens, one))
  if (!isUseful(scope)) {
    call.defer(ctx.endTokens(askerOf(ctx, request, identity), tokens, call.emit))
    throw tooLittle()
  }
  const code = await createGrant(ctx, call, { ...request, scope }, identity, tokens)
  const { redirectUri, state } = request
  return redirect(withResponse(redirectUri, { code, state, iss: ctx.settings.issuer }), cookies)
}

/** Who would have been the owner of a grant that is not made. */
const askerOf = (ctx: Context, request: SignInRequest, identity: Identity) => ({
  client: request.client.key,
  user: userOf(ctx, request.provider, identity),
  resource: request.resource,
  provider: request.provider,
})

const tooLittle = () =>
  new OAuthError('invalid_scope', 'The identity provider granted nothing of what this needs', {
    reason: 'provider-granted-nothing',
  })

/** The provider knows them, this server does not want them: its tokens are given back at once. */
function turnAway(
  ctx: Context,
  call: Call,
  request: SignInRequest,
  identity: Identity,
  tokens: UpstreamTokens,
  cookies: readonly string[],
): Response {
  const { settings, endTokens } = ctx
  const owner = askerOf(ctx, request, identity)
  call.emit({ type: 'turned-away', ...owner, reason: 'not-in-allow' })
  call.defer(endTokens(owner, tokens, call.emit))
  const { redirectUri, state } = request
  const message = 'You signed in, but this account may not use this server'
  const href = withResponse(redirectUri, { error: 'access_denied', state, iss: settings.issuer })
  const back = { href, target: describeRedirect(redirectUri).target }
  return page(
    errorPage(settings.look, {
      message,
      code: 'access_denied',
      reason: 'not-in-allow',
      requestId: call.requestId(),
      back,
    }),
    403,
    cookies,
  )
}

async function createGrant(
  ctx: Context,
  call: Call,
  request: SignInRequest,
  identity: Identity,
  tokens: UpstreamTokens,
): Promise<string> {
  const { grants, settings } = ctx
  const now = settings.now()
  const key = newGrantKey(userOf(ctx, request.provider, identity))
  const { code, hash } = newCode(key)
  const endsAt = earliest(
    settings.grantTtl && now + settings.grantTtl,
    // What cannot be refreshed at the provider must not outlive it here.
    tokens.refreshToken === undefined ? tokens.expiresAt : undefined,
  )
  const grant: Grant = {
    format: 1,
    client: request.client.key,
    clientName: request.client.name,
    ...(request.client.authMethods && { clientAuth: request.client.authMethods }),
    resource: request.resource,
    scope: request.scope,
    refreshes: request.client.refreshes,
    createdAt: now,
    expiresAt: now + settings.codeTtl,
    ...(endsAt !== undefined && { endsAt }),
    code: { hash, challenge: request.challenge, redirectUri: request.redirectUri },
    generation: 0,
    rotatedAt: now,
    epoch: 0,
    ...(request.provider !== undefined && { provider: request.provider }),
    identity: grants.sealIdentity(key, identity),
    upstream: grants.sealTokens(key, tokens),
  }
  await grants.create(key, grant)
  call.emit({ type: 'signed-in', ...ownerOf(key, grant) })
  return code
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}
