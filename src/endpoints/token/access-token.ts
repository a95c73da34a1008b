import type { Context } from '../../context.ts'
import type { Grant } from '../../grants/grant.ts'
import { principalOf } from '../../grants/owner.ts'
import type { AccessClaims } from '../../tokens/access-token.ts'

/** Returns the rule for signed tokens of a resource, if it has one. */
const ruleOf = ({ settings }: Context, resource: string) =>
  settings.resources.find(({ id }) => id === resource)?.signed

/**
 * Returns the lifetime of the access tokens of a resource, in seconds.
 *
 * @param own The lifetime that the grant type has of its own. A signed token lives no longer than its resource allows.
 */
export function accessTokenLife(ctx: Context, resource: string, own?: number): number {
  const most = ruleOf(ctx, resource)?.ttl
  if (own === undefined) return most ?? ctx.settings.accessTokenTtl
  return Math.min(own, most ?? own)
}

/** Issues an access token in the form of its resource. */
export async function issueAccessToken(ctx: Context, grant: Grant, claims: AccessClaims): Promise<string> {
  const rule = ruleOf(ctx, claims.resource)
  if (!rule) return ctx.accessTokens.issue(claims)
  const { email, emailVerified, name, claims: more } = ctx.grants.identityOf(claims.key, grant)
  const user = {
    id: principalOf(claims.key, grant),
    email,
    emailVerified: emailVerified === true,
    name,
    claims: more,
  }
  return ctx.signedTokens!.issue(claims, rule, user)
}

/** Opens an access token in either form. Both checks are cheap for a text that is neither. */
export async function openAccessToken(
  { accessTokens, signedTokens, settings }: Context,
  token: string,
): Promise<(AccessClaims & { readonly id?: string }) | undefined> {
  const now = settings.now()
  return accessTokens.open(token, now) ?? (await signedTokens?.open(token, now))
}
