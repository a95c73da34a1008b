import type { Verified } from '../../assertions/verifier.ts'
import type { ProvenClient } from '../../clients/authenticate-client.ts'
import type { Client } from '../../clients/client.ts'
import type { Call, Context } from '../../context.ts'
import { namedResources } from '../../options/named-resources.ts'
import type { Resource } from '../../options/options.ts'
import type { Identity } from '../../ports.ts'
import { shown, textOf } from '../../protocol/assertion.ts'
import { chooseTarget, exchangeScope, namedIn } from '../../protocol/assertion-target.ts'
import { brokenIdJagRule, resourcesOfIdJag } from '../../protocol/id-jag.ts'
import { parseScope } from '../../protocol/scope.ts'
import { tokenResponse } from './exchange.ts'
import type { TokenParams } from './grant-type.ts'

/**
 * Issues a token for a person to whom the client's identity provider gave an identity assertion. Nothing has an effect
 * before the last check.
 *
 * @see [Identity Assertion Authorization Grant §4.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant)
 */
export async function exchangeIdJag(
  ctx: Context,
  call: Call,
  { client, spend }: ProvenClient,
  assertion: string,
  { fields, resources: requested }: TokenParams,
): Promise<Response> {
  const { settings } = ctx
  const assertions = ctx.assertions!
  const { accessTtl: ttl } = settings.ema
  const verified = await assertions.verify(assertion, 'id-jag', [settings.issuer])
  const { issuer: entry, claims, refuse } = verified
  const broken = brokenIdJagRule(claims, client.id)
  if (broken) throw refuse(broken.reason, `${broken.claim} ${shown(claims[broken.claim])}`)
  const resource = targetOf(settings.resources, verified, requested)
  const claimed = claims.scope === undefined ? undefined : scopeOf(verified)
  const limits = [claimed, entry.scopes, client.scope]
  const usual = claimed ?? resource.defaultScope
  const scope = exchangeScope(parseScope(fields.scope), usual, limits, settings.scopes)
  const identity = assertions.personOf(verified)
  const user = (await ctx.userIds.naming())(identity)
  await ctx.limits.user(user)
  await admit(ctx, call, { client, user, identity, verified })
  await spend()
  await assertions.spend(verified, 'id-jag')
  const { key, grant } = await ctx.soleGrants.issue({
    user,
    origin: { type: 'assertion', issuer: entry.issuer, use: 'id-jag' },
    client: { key: client.key, name: client.name, refreshes: false },
    resource: resource.id,
    scope,
    identity,
    expiresAt: settings.now() + ttl,
  })
  const actor = await assertions.actorOf(verified)
  const detail = `ID-JAG of ${entry.issuer}${actor === undefined ? '' : `, actor ${actor}`}`
  return tokenResponse(ctx, call, key, { grant, scope }, 'issued', { ttl, detail, resource: resource.id })
}

/** Returns the MCP server that the request and the assertion agree on. */
function targetOf(
  served: readonly Resource[],
  { issuer, claims, refuse }: Verified,
  requested: readonly string[],
): Resource {
  const permitted = namedResources(issuer.resources, served)
  const named = resourcesOfIdJag(claims)
  const within = named ? namedIn(named, permitted) : permitted
  if (within.length === 0) throw refuse('assertion-resource', `resource ${shown(claims.resource)}`)
  // An assertion for several servers does not say which one is meant.
  return chooseTarget(requested, served, within, (one) => named === undefined && one === served[0])
}

/** @throws {OAuthError} `invalid_grant` for a claim that is no scope: it came with the assertion. */
function scopeOf({ claims, refuse }: Verified): readonly string[] {
  try {
    return parseScope(textOf(claims.scope))
  } catch {
    throw refuse('assertion-claims', 'scope')
  }
}

/** Lets `allow` judge the person, each time. @throws {OAuthError} `invalid_grant` */
async function admit(
  { admitUser, upstreams }: Context,
  call: Call,
  about: { client: Client; user: string; identity: Identity; verified: Verified },
): Promise<void> {
  const { client, user, identity, verified } = about
  const { id, sameSubjectsAs } = verified.issuer
  const upstream = sameSubjectsAs === undefined ? undefined : upstreams.find(sameSubjectsAs)
  const judged = upstream ?? { provider: id, admits: () => true, kindsByTenant: [] }
  const refusal = await admitUser(judged, identity)
  if (!refusal) return
  const { reason, detail } = refusal
  call.emit({
    type: 'turned-away',
    endpoint: '/token',
    client: client.key,
    user,
    provider: id,
    reason,
    detail,
  })
  throw verified.refuse(reason, detail)
}
