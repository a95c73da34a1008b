import type { Client } from '../clients/client.ts'
import type { Call, Context } from '../context.ts'
import { digest } from '../crypto/digest.ts'
import type { ApprovalKey } from '../grants/approvals.ts'
import { clearCookies, joinCookies, readCookies, setCookies } from '../http/cookies.ts'
import { isOwnNavigation } from '../http/own-navigation.ts'
import { coversRequest, mayRemember, wantsPage } from '../protocol/remembering.ts'
import { upstreamScopes } from '../protocol/scope.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { APPROVALS, type SignInRequest } from './pending.ts'

/*
 * An approval that is remembered has two parts. A sealed cookie of the browser names the user and the record. The record,
 * below that user in the storage, decides. So an approval counts for one user in one browser, and it ends with its record.
 * The user who comes back from the provider must be the one of the cookie: until then no code exists.
 */

/** The most approvals that a browser names. The oldest one makes room. */
const MOST = 25
/** The length of the part of a subject that the cookie holds. The record has all of it. */
const HINT = 8
const ENTRY = /[\w-]{19}/g

/** The content of the cookie: one user, and their approvals in this browser, the newest first. */
interface Named {
  readonly user: string
  /** For each approval {@link HINT} characters of its subject and the 11 of its id, without separators. */
  readonly entries: string
}

/**
 * Returns the subject of an approval, or `undefined` if the approval may not be remembered. Any change of the client, its
 * redirect URI or the resource makes another subject. On a loopback host other ports can plant cookies, so nothing is
 * remembered there.
 */
export function subjectOf(
  { settings }: Context,
  client: Client,
  { redirectUri, resource }: Pick<SignInRequest, 'redirectUri' | 'resource'>,
): string | undefined {
  const { remembers, cookies } = settings
  if (!remembers || !cookies.secure || !mayRemember(client, redirectUri)) return undefined
  const { kind, id, name, redirectUris, authMethods, keys } = client
  const parts = [remembers.version, kind, id, name, redirectUris, authMethods, keys, redirectUri, resource]
  return digest(JSON.stringify(parts)).slice(0, 22)
}

/** Returns the request as this user approved it earlier in this browser, and the provider that they signed in at. */
export async function approvedEarlier(
  ctx: Context,
  http: Request,
  fields: Readonly<Record<string, string | undefined>>,
  { request, choices }: { request: SignInRequest; choices: readonly Upstream[] },
): Promise<{ request: SignInRequest; upstream: Upstream } | undefined> {
  const { approvals } = ctx
  const { remember: subject, scope, client } = request
  if (!approvals || subject === undefined || !isOwnNavigation(http) || wantsPage(fields)) return undefined
  const named = readNamed(ctx, http)
  const id = named && idOf(named, subject)
  if (!id) return undefined
  const key = { user: named.user, id }
  // The page needs no storage.
  const approval = await approvals.find(key).catch(() => undefined)
  const upstream = approval && choices.find(({ id }) => id === approval.provider)
  if (!upstream) return undefined
  const asked = { subject, scope, refreshes: client.refreshes }
  if (!coversRequest(approval, asked, await scopesAt(ctx, upstream, approval.scope))) return undefined
  return { upstream, request: { ...request, approval: key } }
}

/** Tells whether the approval of a request counts: given on the page, or earlier by the same user and not ended since. */
export async function isApprovedBy(
  { approvals }: Context,
  { approval }: SignInRequest,
  user: string,
): Promise<boolean> {
  if (!approval) return true
  return approval.user === user && (await approvals?.find(approval)) !== undefined
}

/** Remembers what a user approved on the page, if that is allowed. Returns the cookies that name it in this browser. */
export async function rememberApproval(
  ctx: Context,
  call: Call,
  {
    http,
    request,
    user,
    upstream,
  }: { http: Request; request: SignInRequest; user: string; upstream: Upstream },
): Promise<string[]> {
  const { approvals } = ctx
  const { remember: subject, approval: earlier, scope, client } = request
  if (!approvals || subject === undefined || earlier) return []
  const { id } = await approvals.save(user, {
    subject,
    client: client.key,
    clientName: client.name,
    provider: upstream.id,
    scope,
    upstream: await scopesAt(ctx, upstream, scope),
    refreshes: client.refreshes,
  })
  const named = readNamed(ctx, http)
  // The approvals of another user make way: this browser is now used by this one.
  const { taken, kept } = named?.user === user ? without(named, subject) : { taken: [], kept: [] }
  const all = [subject.slice(0, HINT) + id, ...kept]
  for (const old of [...taken, ...all.slice(MOST)]) call.defer(approvals.drop({ user, id: old.slice(HINT) }))
  return setNamed(ctx, { user, entries: all.slice(0, MOST).join('') })
}

/** Ends the approval of a request that its user now denies. Returns the cookies that no longer name it. */
export async function forgetApproval(ctx: Context, http: Request, request: SignInRequest): Promise<string[]> {
  const { approvals } = ctx
  const named = readNamed(ctx, http)
  if (!approvals || !named || request.remember === undefined) return []
  const { kept, taken } = without(named, request.remember)
  for (const old of taken) await approvals.drop({ user: named.user, id: old.slice(HINT) })
  return setNamed(ctx, { ...named, entries: kept.join('') })
}

/** Returns the cookies that make this browser name no approval. The records end by themselves. */
export const leaveApprovals = ({ settings: { cookies } }: Context, http: Request): string[] =>
  clearCookies(cookies, readCookies(http, cookies), APPROVALS)

function readNamed({ sealer, settings }: Context, http: Request): Named | undefined {
  const sealed = joinCookies(readCookies(http, settings.cookies), APPROVALS)
  return sealed === undefined ? undefined : (sealer.open('approvals', APPROVALS, sealed) as Named | undefined)
}

const setNamed = ({ sealer, settings, approvals }: Context, named: Named): string[] =>
  setCookies(settings.cookies, APPROVALS, sealer.seal('approvals', APPROVALS, named), approvals!.seconds)

const entriesOf = ({ entries }: Named): readonly string[] => entries.match(ENTRY) ?? []

const idOf = (named: Named, subject: string): ApprovalKey['id'] | undefined =>
  without(named, subject).taken[0]?.slice(HINT)

/** Parts the entries into those of a subject and all others. */
function without(named: Named, subject: string): { taken: readonly string[]; kept: readonly string[] } {
  const hint = subject.slice(0, HINT)
  const all = entriesOf(named)
  return {
    taken: all.filter((entry) => entry.startsWith(hint)),
    kept: all.filter((entry) => !entry.startsWith(hint)),
  }
}

/** Returns the scopes that a sign-in requests from a provider, as the page names them. */
const scopesAt = ({ settings }: Context, upstream: Upstream, scope: readonly string[]) =>
  upstream.scopes(upstreamScopes(scope, settings.scopes, upstream.provider))
