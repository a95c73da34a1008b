import { authenticateClient } from '../../clients/authenticate-client.ts'
import type { Client } from '../../clients/client.ts'
import { clientFinder, type ShownGrant } from '../../clients/client-by-grant.ts'
import { reportEnd } from '../../connections/report-end.ts'
import type { Call, Context, Endpoint } from '../../context.ts'
import { equal } from '../../crypto/compare.ts'
import { OAuthError } from '../../errors.ts'
import {
  type Decision,
  type Grant,
  type GrantRules,
  type Issue,
  invalidGrant,
  providerOf,
  redeem,
  refresh,
} from '../../grants/grant.ts'
import type { GrantKey } from '../../grants/grant-key.ts'
import { ownerOf } from '../../grants/owner.ts'
import { type Params, readForm } from '../../http/params.ts'
import { json } from '../../http/responses.ts'
import type { Resource } from '../../options/options.ts'
import { resourceIds } from '../../protocol/resource.ts'
import { parseCode } from '../../tokens/codes.ts'
import { parseRefreshToken, refreshToken } from '../../tokens/refresh-token.ts'
import { countFailures } from '../rate-limit.ts'
import { grantToClient } from './client-credentials.ts'

const missing = (name: string) =>
  new OAuthError('invalid_request', `The ${name} is missing`, { reason: 'missing-parameter', detail: name })

type Exchange = (
  ctx: Context,
  call: Call,
  client: Client,
  params: Params,
  tenant?: string,
) => Promise<Response>

/** @see [OAuth 2.1 §3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2) */
export const tokenEndpoint: Endpoint = async (request, ctx, call) => {
  const params = await readForm(request)
  const { grant_type: grantType } = params.fields
  if (grantType === undefined) throw missing('grant_type')
  const exchange = offered(ctx, grantType) ? EXCHANGES[grantType] : undefined
  if (!exchange)
    throw new OAuthError('unsupported_grant_type', 'The grant_type is not supported', {
      reason: 'unsupported-grant-type',
    })
  const find = clientFinder(ctx, () => shownGrant(ctx, params))
  return countFailures(ctx, call, find, async (find) => {
    const client = await authenticateClient(request.headers.get('authorization'), params.fields, {
      find,
      verify: ctx.clients.verify,
    })
    const tenant = (await ctx.upstreams.tenantOf(request))?.id
    const response = await exchange(ctx, call, client, params, tenant)
    if (ctx.clients.stored) call.defer(ctx.clients.stored.keep(client.id))
    return response
  })
}

/** What no client may use is not there. */
const offered = ({ settings }: Context, grantType: string): boolean =>
  Object.hasOwn(EXCHANGES, grantType) &&
  (grantType !== 'client_credentials' || settings.clients.some(({ clientCredentials }) => clientCredentials))

/** The grant a request is about: by its code or its refresh token, whichever it is that will be used. */
function shownGrant({ keyring }: Context, { fields }: Params): ShownGrant | undefined {
  if (fields.grant_type === 'authorization_code') {
    const code = parseCode(fields.code ?? '')
    return (
      code && {
        key: code.key,
        isReal: ({ origin }) => origin.type === 'sign-in' && equal(origin.code.hash, code.secretHash),
      }
    )
  }
  const token = parseRefreshToken(keyring, fields.refresh_token ?? '')
  return token && { key: token.key, isReal: () => true }
}

const EXCHANGES: Readonly<Record<string, Exchange>> = {
  async client_credentials(ctx, call, client, params) {
    const { key, grant } = await grantToClient(ctx, client, params)
    return respond(ctx, call, key, { grant, scope: grant.scope }, 'issued')
  },

  /** @see [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3) */
  async authorization_code(ctx, call, client, { fields, resources }, tenant) {
    const { code, code_verifier: verifier, redirect_uri: redirectUri } = fields
    if (code === undefined) throw missing('code')
    if (verifier === undefined) throw missing('code_verifier')
    const parsed = parseCode(code)
    if (!parsed) throw invalidGrant('malformed-code')
    const { secretHash } = parsed
    // No `scope` here: it was settled when the user approved, and clients repeat what they asked for.
    const use = { client: client.key, secretHash, verifier, redirectUri, resources: named(ctx, resources) }
    const issue = await change(ctx, call, parsed.key, (grant) => {
      assertTenant(grant, tenant)
      return redeem(grant, use, ctx.settings.now(), rulesOf(ctx))
    })
    return respond(ctx, call, parsed.key, issue, 'issued')
  },

  /** @see [OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3) */
  async refresh_token(ctx, call, client, { fields, resources }, tenant) {
    if (fields.refresh_token === undefined) throw missing('refresh_token')
    if (!client.refreshes) {
      throw new OAuthError('unauthorized_client', 'The client did not register the refresh_token grant', {
        reason: 'refresh-not-registered',
      })
    }
    const parsed = parseRefreshToken(ctx.keyring, fields.refresh_token)
    if (!parsed) throw invalidGrant('malformed-refresh-token')
    const { key, generation } = parsed
    await ctx.limits.user(key.user)
    const use = { client: client.key, generation, resources: named(ctx, resources), scope: fields.scope }
    const decide = (grant: Grant): Decision<Issue> => {
      assertTenant(grant, tenant)
      const resource = resourceOf(ctx, grant)
      // Only somebody who shows the grant's own token may end it.
      const decision = refresh(grant, use, ctx.settings.now(), rulesOf(ctx))
      if (decision.type === 'end' || ctx.upstreams.serves(providerOf(grant), resource)) return decision
      return { type: 'end', reason: 'provider-not-configured' }
    }
    const issue = await change<Issue | 'stale'>(ctx, call, key, (grant) => {
      const decision = decide(grant)
      const rotates = decision.type === 'write'
      return rotates && ctx.connections.isStale(key, grant) ? { type: 'keep', result: 'stale' } : decision
    })
    if (issue !== 'stale') return respond(ctx, call, key, issue, 'refreshed')
    // The provider's tokens first: if they are over, so is the grant, and nothing may be rotated for it.
    await ctx.connections.fresh(key)
    return respond(ctx, call, key, await change(ctx, call, key, decide), 'refreshed')
  },
}

const named = ({ settings }: Context, resources: readonly string[]) =>
  resourceIds(resources, settings.resources)

const rulesOf = ({ settings }: Context): GrantRules => {
  const { accessTokenTtl, refreshTtl, refreshGrace, scopes } = settings
  return { accessTokenTtl, refreshTtl, refreshGrace, scopes: Object.keys(scopes) }
}

/** @throws {OAuthError} `invalid_grant` for a grant of another tenant, which lives on. */
function assertTenant(grant: Grant, tenant: string | undefined): void {
  if (tenant !== undefined && providerOf(grant) !== tenant) throw invalidGrant('grant-of-another-tenant')
}

/** @throws {OAuthError} `invalid_grant` where this proxy has no such server: another one that shares the storage may. */
function resourceOf({ settings }: Context, { resource }: Grant): Resource {
  const served = settings.resources.find(({ id }) => id === resource)
  if (!served) throw invalidGrant('server-not-configured')
  return served
}

/** Changes a grant by one rule; where that ends it, the provider's tokens end too. */
async function change<T>(
  ctx: Context,
  call: Call,
  key: GrantKey,
  decide: (grant: Grant) => Decision<T>,
): Promise<T> {
  const outcome = await ctx.grants.change(key, decide)
  if (outcome.type === 'done') return outcome.result
  if (outcome.type === 'missing') throw invalidGrant('grant-over')
  reportEnd(ctx, call, key, outcome)
  throw outcome.error ?? invalidGrant(outcome.reason)
}

/** @see [OAuth 2.1 §3.2.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3) */
function respond(
  ctx: Context,
  call: Call,
  key: GrantKey,
  { grant, scope }: Issue,
  type: 'issued' | 'refreshed',
): Response {
  const { settings, keyring, accessTokens } = ctx
  const issuedAt = settings.now()
  const expiresAt = Math.min(issuedAt + settings.accessTokenTtl, grant.endsAt ?? Number.POSITIVE_INFINITY)
  const { client, resource, epoch } = grant
  const accessToken = accessTokens.issue({ key, epoch, client, resource, scope, issuedAt, expiresAt })
  call.emit({ type, ...ownerOf(key, grant) })
  return json({
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresAt - issuedAt,
    scope: scope.join(' '),
    ...(grant.refreshes && { refresh_token: refreshToken(keyring, key, grant.generation) }),
  })
}
