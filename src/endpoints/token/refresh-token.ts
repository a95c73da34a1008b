import type { Context } from '../../context.ts'
import { type Decision, type Grant, type Issue, providerOf, refresh, rotates } from '../../grants/grant.ts'
import { assertUsable } from '../../grants/own.ts'
import { required } from '../../http/params.ts'
import { invalidGrant } from '../../refusals.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import { assertTenant, changeGrant, resourcesOf, rulesOf, tokenResponse } from './exchange.ts'
import type { GrantType } from './grant-type.ts'

/** @see [OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3) */
export const refreshToken: GrantType = {
  name: 'refresh_token',
  notAllowed: 'refresh-not-registered',
  isOffered: () => true,
  shown({ keyring }, { fields }) {
    const token = parseRefreshToken(keyring, fields.refresh_token ?? '')
    return token && { key: token.key, isReal: () => true }
  },
  async exchange(ctx, call, { client, spend }, params) {
    const token = parseRefreshToken(ctx.keyring, required(params, 'refresh_token'))
    if (!token) throw invalidGrant('malformed-refresh-token')
    const { key, generation } = token
    await ctx.limits.user(key.user)
    const use = {
      client: client.key,
      generation,
      resources: resourcesOf(ctx, params),
      scope: params.fields.scope,
    }
    const decide = (grant: Grant): Decision<Issue> => {
      assertUsable(ctx.settings, grant)
      assertTenant(grant, params)
      // Only a client that shows the grant's own token may end it.
      const decision = refresh(grant, use, ctx.settings.now(), rulesOf(ctx))
      if (decision.type === 'end' || isStillServed(ctx, grant)) return decision
      return { type: 'end', reason: 'provider-not-configured' }
    }
    const seen = await ctx.grants.find(key)
    if (!seen) throw invalidGrant('grant-not-found')
    decide(seen.grant)
    await spend()
    // If the provider has ended the sign-in, or the user is no longer allowed, no token is rotated.
    const changed = rotates(seen.grant, use) && (await ctx.connections.prepare(key, seen.grant))
    const issue = await changeGrant(ctx, call, key, decide, changed ? undefined : seen)
    return tokenResponse(ctx, call, key, issue, 'refreshed')
  },
}

/** Returns whether the provider of a grant is still one of its server's. */
function isStillServed({ settings, upstreams }: Context, grant: Grant): boolean {
  const resource = settings.resources.find(({ id }) => id === grant.resource)
  return resource !== undefined && upstreams.serves(providerOf(grant), resource)
}
