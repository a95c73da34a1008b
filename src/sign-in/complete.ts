import type { Call, Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newGrantKey } from '../grants/grant-key.ts'
import { ownerOf } from '../grants/owner.ts'
import { page, redirect } from '../http/responses.ts'
import type { Settings } from '../options/options.ts'
import { type AccountChoice, errorPage } from '../pages/error-page.ts'
import { finishPage } from '../pages/finish-page.ts'
import type { UpstreamTokens } from '../ports.ts'
import { describeRedirect, withResponse } from '../protocol/redirect-uri.ts'
import { backedScopes, isUseful } from '../protocol/scope.ts'
import { userName } from '../protocol/shown-name.ts'
import { newCode } from '../tokens/codes.ts'
import type { NotAdmitted } from '../upstream/admit-user.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { isApprovedBy, rememberApproval } from './approvals.ts'
import { openConsent } from './consent-form.ts'
import { notAdmitted, reasonOf, type SignedIn } from './identify.ts'
import type { SignInRequest } from './pending.ts'
import { choicesFor, userOf } from './provider-choice.ts'
import { showConsent } from './show-consent.ts'
import { voucherOf } from './voucher.ts'

/**
 * Completes a sign-in: writes one grant, and sends its code to the client. Nothing is written before this point.
 *
 * @throws {OAuthError} `invalid_scope` if the provider granted nothing useful.
 * @see [OAuth 2.1 §4.1.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2)
 */
export async function completeSignIn(
  ctx: Context,
  call: Call,
  upstream: Upstream,
  done: { http: Request; request: SignInRequest; signedIn: SignedIn; cookies: readonly string[] },
): Promise<Response> {
  const { http, request, signedIn, cookies } = done
  const { identity, tokens, refusal } = signedIn
  const user = await userOf(ctx, request.provider, identity)
  const parties = {
    client: request.client.key,
    user,
    resource: request.resource,
    provider: request.provider,
  }
  const giveBack = () => call.defer(ctx.endTokens(parties, tokens, (event) => call.emit(event)))
  if (refusal) {
    call.emit({ type: 'turned-away', ...parties, ...reasonOf(refusal) })
    giveBack()
    return turnAway(ctx, call, { request, refusal, cookies, choice: chooseAgain(ctx, http, upstream, done) })
  }
  if (!(await isApprovedBy(ctx, request, user))) {
    giveBack()
    return askThisUser(ctx, http, request, cookies)
  }
  const scope = backedScopes(
    request.scope,
    ctx.settings.scopes,
    upstream.provider,
    (one) => tokens === undefined || upstream.grants(tokens, one),
  )
  if (!isUseful(scope)) {
    giveBack()
    throw nothingGranted(tokens && upstream.explainScopes(tokens))
  }
  const { code, remembered } = await finish().catch((error: unknown) => {
    // Tokens that are not stored would stay valid at the provider, and no one could end them.
    giveBack()
    throw error
  })
  call.defer(ctx.clientStates.drop(request))
  const all = [...cookies, ...remembered]
  return answer(ctx, request, { code, cookies: all, choose: () => chooseAgain(ctx, http, upstream, done) })

  async function finish() {
    const remembered = await rememberApproval(ctx, call, { http, request, user, upstream })
    return { code: await issueGrant(ctx, call, user, { ...request, scope }, signedIn), remembered }
  }
}

/** Shows the page to a user who did not give the approval that the request came with, or whose approval has ended. */
async function askThisUser(
  ctx: Context,
  http: Request,
  { approval: _approval, provider: _provider, stateKept: _stateKept, ...request }: SignInRequest,
  cookies: readonly string[],
): Promise<Response> {
  const choices = await choicesFor(ctx, http, request.resource)
  const voucher = voucherOf(request.client.key, ctx.settings)
  return showConsent(ctx, http, request, { voucher, choices, cookies })
}

/**
 * Sends the code to the client: at once, or on a loopback host after one more step of the user. Other ports of the host
 * can plant the cookie of a sign-in that an attacker approved elsewhere, but they cannot send a form from this origin.
 */
function answer(
  { settings, sealer }: Context,
  { redirectUri, state, client, mark }: SignInRequest,
  { code, cookies, choose }: { code: string; cookies: readonly string[]; choose: () => AccountAgain },
): Response {
  const location = withResponse(redirectUri, { code, state, iss: settings.issuer })
  if (settings.cookies.secure) return redirect(location, cookies)
  const { account, cookies: added } = choose()
  const view = {
    clientName: client.name,
    redirectUri,
    account,
    action: `${settings.basePath}/finish`,
    answer: sealer.seal('finish', 'form', { location, until: settings.now() + settings.codeTtl }),
    mark: mark ?? '',
  }
  return page(finishPage(settings.look, view), 200, [...cookies, ...added])
}

const nothingGranted = (detail: string | undefined) =>
  new OAuthError('invalid_scope', 'The identity provider granted nothing of what this needs', {
    reason: 'provider-granted-nothing',
    detail,
  })

/** Shows the user why the sign-in ends here, with a link back to the client. */
function turnAway(
  { settings }: Context,
  call: Call,
  about: {
    request: SignInRequest
    refusal: NotAdmitted
    cookies: readonly string[]
    choice: AccountAgain
  },
): Response {
  const { redirectUri, state } = about.request
  const { message, code, reason, status } = notAdmitted(about.refusal)
  const href = withResponse(redirectUri, { error: code, state, iss: settings.issuer })
  const back = { href, target: describeRedirect(redirectUri).target }
  const { account, cookies } = about.choice
  const view = { message, code, reason, requestId: call.requestId(), back, account }
  return page(errorPage(settings.look, view), status, [...about.cookies, ...cookies])
}

/** The account of a sign-in, with the way to another one and the cookies that this way needs. */
interface AccountAgain {
  readonly account: AccountChoice
  readonly cookies: readonly string[]
}

/** Lets the user send the approved request once more, to sign in with another account. The form works in this browser only. */
function chooseAgain(
  ctx: Context,
  http: Request,
  { id, name: provider, switchesAccount }: Upstream,
  { request, signedIn: { identity } }: { request: SignInRequest; signedIn: SignedIn },
): AccountAgain {
  const name = userName(identity)
  if (!switchesAccount) return { account: { name, provider }, cookies: [] }
  const { mark: _mark, provider: _provider, stateKept: _stateKept, ...approved } = request
  const { sealed, cookies } = openConsent(ctx, http, approved)
  const action = `${ctx.settings.basePath}/consent`
  return { account: { name, provider, another: { action, request: sealed, provider: id } }, cookies }
}

async function issueGrant(
  ctx: Context,
  call: Call,
  user: string,
  request: SignInRequest,
  { identity, tokens }: SignedIn,
): Promise<string> {
  const { grants, settings } = ctx
  const now = settings.now()
  const key = newGrantKey(user)
  const { code, hash } = newCode(key)
  const { client, resource, scope, challenge, redirectUri, provider } = request
  const grant = await grants.issue({
    key,
    origin: {
      type: 'sign-in',
      ...(provider !== undefined && { provider }),
      code: { hash, challenge, redirectUri },
    },
    client,
    target: describeRedirect(redirectUri).target,
    resource,
    scope,
    identity,
    tokens,
    expiresAt: now + settings.codeTtl,
    endsAt: earliest(
      settings.grantTtl && now + settings.grantTtl,
      tokens?.refreshToken === undefined ? endWithoutRefresh(settings, resource, tokens, now) : undefined,
    ),
  })
  call.emit({ type: 'signed-in', ...ownerOf(key, grant) })
  return code
}

/**
 * Returns the end of a grant whose sign-in cannot be refreshed at the provider. It must not outlive the provider's token,
 * unless the operator says how long the identity alone is enough.
 */
function endWithoutRefresh(
  { identityTtl, resources }: Settings,
  resource: string,
  tokens: UpstreamTokens | undefined,
  now: number,
): number | undefined {
  if (tokens?.expiresAt === undefined) return undefined
  const served = resources.find(({ id }) => id === resource)
  const needsToken = served?.forward === 'upstream-token' || served?.exchange !== undefined
  return identityTtl === undefined || needsToken ? tokens.expiresAt : now + identityTtl
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}
