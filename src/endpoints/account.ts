import { reportEnd } from '../connections/report-end.ts'
import type { Context, Endpoint } from '../context.ts'
import { equal } from '../crypto/compare.ts'
import { providerOf } from '../grants/grant.ts'
import { type GrantKey, parseGrantKey } from '../grants/grant-key.ts'
import type { EndedGrant } from '../grants/grants.ts'
import { isOwn } from '../grants/own.ts'
import { readForm } from '../http/params.ts'
import { page, redirect } from '../http/responses.ts'
import { isSameOrigin } from '../http/same-origin.ts'
import { accountPage, type ConnectedApp } from '../pages/account-page.ts'
import { alteredForm, foreignForm } from '../refusals.ts'
import { leaveApprovals } from '../sign-in/approvals.ts'
import { describeScope } from '../sign-in/describe-scope.ts'
import { choicesFor } from '../sign-in/provider-choice.ts'
import { closeSession, readSession, type Session } from '../sign-in/session.ts'
import { voucherOf } from '../sign-in/voucher.ts'

/** What the signed-in user has connected; for others a button to sign in. */
export const accountEndpoint: Endpoint = async (http, ctx) => {
  const { settings } = ctx
  const session = readSession(ctx, http)
  const choices = await choicesFor(ctx, http)
  const view = {
    server: settings.name,
    providers: choices.map(({ id, name }) => ({ id, name })),
    base: `${settings.basePath}/account`,
    switches: choices.some(({ switchesAccount }) => switchesAccount),
    another: new URL(http.url).searchParams.get('account') === 'another',
  }
  if (!session) return page(accountPage(settings.look, view))
  const { name, token } = session
  return page(
    accountPage(settings.look, {
      ...view,
      signedIn: {
        name,
        token,
        ...(await appsOf(ctx, session)),
        remembered: await rememberedBy(ctx, session),
      },
    }),
  )
}

/** Ends one grant of the signed-in user, and what the provider gave for it. */
export const disconnectEndpoint: Endpoint = async (http, ctx, call) => {
  const { session, fields } = await readOwnForm(http, ctx)
  // Met here, so that its tokens can be ended at its provider.
  await ctx.upstreams.tenantOf(http)
  // A form can name only grants of this user.
  const key = session && parseGrantKey(`${session.user}.${fields.grant ?? ''}`)
  const ended = key && (await endOwn(ctx, key))
  if (key && ended) await ctx.approvals?.forget(key.user, ended.grant?.client)
  if (key && ended?.grant) reportEnd(ctx, call, key, { grant: ended.grant, reason: 'revoked-by-user' })
  return redirect(`${ctx.settings.issuer}/account`)
}

/** Ends a grant, unless another deployment on the same storage made it. One that cannot be read ends. */
async function endOwn({ grants, settings }: Context, key: GrantKey): Promise<EndedGrant | undefined> {
  const found = await grants.load(key).catch(() => undefined)
  return found && !isOwn(settings, found) ? undefined : grants.end(key)
}

/** Ends every remembered approval of the signed-in user. Their apps stay connected. */
export const askAgainEndpoint: Endpoint = async (http, ctx) => {
  const { session } = await readOwnForm(http, ctx)
  if (session) await ctx.approvals?.forget(session.user)
  return redirect(`${ctx.settings.issuer}/account`, session ? leaveApprovals(ctx, http) : [])
}

/** Ends the session in this browser. The user may then sign in with another account. */
export const signOutEndpoint: Endpoint = async (http, ctx) => {
  const { session, fields } = await readOwnForm(http, ctx)
  const left = [...closeSession(ctx, http), ...leaveApprovals(ctx, http)]
  const query = fields.next === 'another' ? '?account=another' : ''
  return redirect(`${ctx.settings.issuer}/account${query}`, session ? left : [])
}

/**
 * A form of the account page, posted by the page itself. Without a session nothing is to be done: the page asks to
 * sign in again.
 *
 * @throws {OAuthError} `access_denied` where another site, or a page of another session, sent it.
 */
async function readOwnForm(
  http: Request,
  ctx: Context,
): Promise<{ session: Session | undefined; fields: Readonly<Record<string, string | undefined>> }> {
  if (!isSameOrigin(http, ctx.settings.origin)) {
    throw foreignForm()
  }
  const { fields } = await readForm(http)
  const session = readSession(ctx, http)
  if (session && !equal(session.token, fields.token ?? '')) {
    throw alteredForm('access_denied', 'form-token-mismatch')
  }
  return { session, fields }
}

/** The most apps on the page. Each costs a read and the opening of its record. */
const SHOWN = 200

async function appsOf(
  { grants, settings, upstreams }: Context,
  { user }: Session,
): Promise<{ apps: ConnectedApp[]; hasMore: boolean }> {
  const apps: ConnectedApp[] = []
  let hasMore = false
  for await (const { key, grant } of grants.list(user)) {
    if (!isOwn(settings, grant)) continue
    // A grant whose code was not redeemed yet is no connection, and expires by itself.
    if (grant.generation === 0) continue
    hasMore = apps.length === SHOWN
    if (hasMore) break
    const { origin } = grant
    const { clientName, resource, scope, createdAt, rotatedAt, expiresAt } = grant
    const server = settings.resources.find(({ id }) => id === resource)?.name
    const scopes = scope.map((one) => describeScope(one, settings))
    const provider = upstreams.find(providerOf(grant))?.name
    const times = { createdAt, usedAt: rotatedAt, expiresAt }
    const voucher = voucherOf(grant.client, settings)
    apps.push({
      id: key.id,
      clientName,
      voucher,
      target: grant.target,
      resource,
      server,
      provider,
      organisation: origin.type === 'assertion' ? origin.issuer : undefined,
      scopes,
      ...times,
    })
  }
  return { apps: apps.sort((a, b) => b.usedAt - a.usedAt), hasMore }
}

/** Returns the names of the apps that connect without the consent page, each once. */
async function rememberedBy({ approvals }: Context, { user }: Session): Promise<string[]> {
  const names = new Set<string>()
  if (approvals) for await (const { clientName } of approvals.list(user)) names.add(clientName)
  return [...names].sort()
}
