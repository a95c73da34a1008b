import type { Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { Identity } from '../ports.ts'
import { responseFromElsewhere } from '../refusals.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** Returns the providers that a user may sign in at: for one MCP server, or for any. */
export function choicesFor(ctx: Context, http: Request, resource?: string): Promise<readonly Upstream[]> {
  const served = ctx.settings.resources.find(({ id }) => id === resource)
  return ctx.upstreams.choices(served ?? { upstream: undefined }, http)
}

/**
 * Returns the provider that a form names. If there is only one, the form need not name it.
 *
 * @throws {OAuthError} `invalid_request` if the form names another one, or none of several.
 */
export function chosenProvider(choices: readonly Upstream[], id: string | undefined): Upstream {
  const [only, ...others] = choices
  const found = id === undefined && others.length === 0 ? only : choices.find((one) => one.id === id)
  if (found) return found
  throw new OAuthError('invalid_request', 'Choose where to sign in', { reason: 'unknown-provider' })
}

/**
 * Returns the provider that a sign-in was sent to, if its response came to its own callback. The response of one provider
 * is then never taken for that of another. With tenants, the browser must still be at the same tenant.
 *
 * @param id The provider of the sign-in. Absent if it began in a build that knew one provider.
 * @throws {OAuthError} `access_denied` if the response came to the callback of another provider.
 * @see [RFC 9700 §4.4.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2)
 */
export async function requestedProvider(
  { settings, upstreams }: Context,
  http: Request,
  id: string | undefined,
): Promise<Upstream> {
  const upstream = await (upstreams.tenantOf(http) ?? upstreams.find(id))
  const here = settings.origin + new URL(http.url).pathname
  const isRequested = upstream?.id === id || (id === undefined && !upstreams.tenants)
  if (upstream && isRequested && upstream.callback === here) return upstream
  throw responseFromElsewhere('response-of-another-provider')
}

/** Returns the id of a user. Tenants have no users in common, even if one person signs in at both. */
export const userOf = async (
  { userIds, upstreams }: Context,
  provider: string | undefined,
  identity: Identity,
): Promise<string> => (await userIds.naming())(identity, upstreams.tenants ? provider : undefined)
