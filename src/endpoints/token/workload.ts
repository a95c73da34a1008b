import type { ProvenClient } from '../../clients/authenticate-client.ts'
import type { Client } from '../../clients/client.ts'
import type { Call, Context } from '../../context.ts'
import { namedResources } from '../../options/named-resources.ts'
import { shown } from '../../protocol/assertion.ts'
import { chooseTarget, exchangeScope } from '../../protocol/assertion-target.ts'
import { JWT_BEARER_GRANT } from '../../protocol/client-document.ts'
import { parseScope } from '../../protocol/scope.ts'
import { tokenResponse } from './exchange.ts'
import type { TokenParams } from './grant-type.ts'

/** Seconds. */
const DEFAULT_TTL = 3600

/** The client of a workload that proves no other identity than its own. */
export const WORKLOAD: Client = {
  id: 'workload',
  key: 'workload',
  kind: 'workload',
  name: 'Workload',
  redirectUris: [],
  authMethods: [],
  grantTypes: [JWT_BEARER_GRANT],
  refreshes: false,
  scope: undefined,
  secrets: [],
}

/** The claim of a workload without a client. Its own token is judged later. */
export const NO_CLIENT: ProvenClient = { client: WORKLOAD, spend: async () => {} }

/**
 * Issues a token to a workload by the token of its platform. A valid signature gives nothing: a rule has to match.
 *
 * @see [RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)
 */
export async function exchangeWorkload(
  ctx: Context,
  call: Call,
  { client, spend }: ProvenClient,
  assertion: string,
  { fields, resources: requested }: TokenParams,
): Promise<Response> {
  const { settings } = ctx
  const assertions = ctx.assertions!
  const { issuer, resources: served, scopes: table } = settings
  const verified = await assertions.verify(assertion, 'workload', [issuer, `${issuer}/token`])
  const { issuer: entry } = verified
  const rules = assertions.rulesFor(verified)
  const reach = (names: readonly string[] | undefined) =>
    namedResources(names, namedResources(entry.resources, served))
  const within = rules.flatMap((rule) => reach(rule.resources))
  const resource = chooseTarget(requested, served, within, (one) => one === served[0])
  const rule = rules.find((one) => reach(one.resources).includes(resource))!
  const limits = [rule.scopes, entry.scopes, client.scope]
  const scope = exchangeScope(parseScope(fields.scope), rule.scopes, limits, table)
  const identity = assertions.workloadOf(verified)
  const user = (await ctx.userIds.naming())(identity)
  await ctx.limits.user(user)
  await spend()
  await assertions.spend(verified, 'workload')
  const { ttl = DEFAULT_TTL } = rule
  const { key, grant } = await ctx.soleGrants.issue({
    user,
    origin: { type: 'assertion', issuer: entry.issuer, use: 'workload', rule: rule.name },
    client: { key: client.key, name: rule.name, refreshes: false },
    resource: resource.id,
    scope,
    identity,
    expiresAt: settings.now() + ttl,
  })
  const named = fields.client_id === undefined ? '' : `, named client ${shown(fields.client_id)}`
  const detail = `workload of ${entry.issuer} by rule ${rule.name}${named}`
  return tokenResponse(ctx, call, key, { grant, scope }, 'issued', { ttl, detail, resource: resource.id })
}
