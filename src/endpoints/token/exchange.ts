import { reportEnd } from '../../connections/report-end.ts'
import type { Call, Context } from '../../context.ts'
import { type Decision, type Grant, type GrantRules, type Issue, providerOf } from '../../grants/grant.ts'
import type { GrantKey } from '../../grants/grant-key.ts'
import { ownerOf } from '../../grants/owner.ts'
import type { FoundGrant } from '../../grants/records.ts'
import { json } from '../../http/responses.ts'
import type { Settings } from '../../options/options.ts'
import { resourceIds } from '../../protocol/resource.ts'
import { invalidGrant } from '../../refusals.ts'
import { seconds } from '../../timing.ts'
import { refreshToken } from '../../tokens/refresh-token.ts'
import { accessTokenLife, issueAccessToken } from './access-token.ts'
import type { TokenParams } from './grant-type.ts'

/** Returns the ids of the resources that a request names. */
export const resourcesOf = ({ settings }: Context, { resources }: TokenParams): readonly string[] =>
  resourceIds(resources, settings.resources)

export function rulesOf({ settings }: Context): GrantRules {
  const { accessTokenTtl, refreshTtl, refreshGrace, scopes } = settings
  return { accessTokenTtl, refreshTtl, refreshGrace, scopes }
}

/** @throws {OAuthError} `invalid_grant` for a grant of another tenant. The grant stays valid. */
export function assertTenant(grant: Grant, { tenant }: TokenParams): void {
  if (tenant && tenant.id !== providerOf(grant)) throw invalidGrant('grant-of-another-tenant')
}

/**
 * Changes a grant by one rule. If that ends it, the provider's tokens are revoked too.
 *
 * @param seen The grant, if it was just read.
 */
export async function changeGrant<T>(
  ctx: Context,
  call: Call,
  key: GrantKey,
  decide: (grant: Grant) => Decision<T>,
  seen?: FoundGrant,
): Promise<T> {
  const outcome = await ctx.grants.change(key, decide, seen)
  if (outcome.type === 'done') return outcome.result
  if (outcome.type === 'missing') throw invalidGrant('grant-not-found')
  reportEnd(ctx, call, key, outcome)
  throw outcome.error ?? invalidGrant(outcome.reason)
}

/** Returns the time at which the user has to be checked again. An access token must not live longer. */
function nextCheck({ revalidate }: Settings, grant: Grant, now: number): number {
  if (revalidate === undefined || Object.keys(grant.connections).length === 0) return Number.POSITIVE_INFINITY
  // The provider may have been unavailable when the check was due.
  return Math.max((grant.identityAt ?? grant.createdAt) + revalidate, now + seconds.checkAgain)
}

/** Members of a token response that only some grant types have. */
export interface IssueDetails {
  /** The lifetime of the access token, in seconds. Default: `accessTokenTtl`. */
  readonly ttl?: number
  /** For the event: the way in which the grant came about. */
  readonly detail?: string
  /** The MCP server that the token is for, if the request need not have named it. */
  readonly resource?: string
}

/** @see [OAuth 2.1 §3.2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3) */
export async function tokenResponse(
  ctx: Context,
  call: Call,
  key: GrantKey,
  { grant, scope }: Issue,
  type: 'issued' | 'refreshed',
  { ttl, detail, ...more }: IssueDetails = {},
): Promise<Response> {
  const { settings, keyring } = ctx
  const { client, resource, epoch } = grant
  const issuedAt = settings.now()
  const expiresAt = Math.min(
    issuedAt + accessTokenLife(ctx, resource, ttl),
    grant.endsAt ?? Number.POSITIVE_INFINITY,
    nextCheck(settings, grant, issuedAt),
  )
  const claims = { key, epoch, client, resource, scope, issuedAt, expiresAt }
  const accessToken = await issueAccessToken(ctx, grant, claims)
  const owner = ownerOf(key, grant)
  call.emit(type === 'issued' ? { type, ...owner, detail } : { type, ...owner })
  return json({
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresAt - issuedAt,
    scope: scope.join(' '),
    ...more,
    ...(grant.refreshes && { refresh_token: refreshToken(keyring, key, grant.generation) }),
  })
}
