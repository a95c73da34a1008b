import type { Context } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { userKey } from '../grants/grant-key.ts'
import type { Identity } from '../ports.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** Those that one may sign in at: for a server, or for whatever there is. */
export function choicesFor(ctx: Context, http: Request, resource?: string): Promise<readonly Upstream[]> {
  const served = ctx.settings.resources.find(({ id }) => id === resource)
  return ctx.upstreams.choices(served ?? { upstream: undefined }, http)
}

/**
 * The one that a form names; where there is one only, none has to be named.
 *
 * @throws {OAuthError} `invalid_request` for any other, and where one has to be chosen and none is.
 */
export function chosenOf(choices: readonly Upstream[], id: string | undefined): Upstream {
  const [only, ...others] = choices
  const found = id === undefined && others.length === 0 ? only : choices.find((one) => one.id === id)
  if (!found) {
    throw new OAuthError('invalid_request', 'Choose where to sign in', {
      reason: 'unknown-provider',
    })
  }
  return found
}

/**
 * The provider that was asked, where the answer came to its own callback: with several, one cannot have its answer
 * taken for another's. Of tenants, the browser must still be at the same one's.
 *
 * @throws {OAuthError} `access_denied` where it came to another one's.
 * @see [RFC 9700 §4.4.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2)
 */
export async function askedProvider(
  { settings, upstreams }: Context,
  http: Request,
  asked: string | undefined,
): Promise<Upstream> {
  const upstream = await (upstreams.tenantOf(http) ?? upstreams.find(asked))
  const here = settings.origin + new URL(http.url).pathname
  // A sign-in that began in a version that knew one provider only names none.
  const isAsked = upstream?.id === asked || (asked === undefined && !upstreams.tenants)
  if (upstream && isAsked && upstream.callback === here) return upstream
  throw new OAuthError('access_denied', 'This answer came from another place than was asked', {
    reason: 'answer-of-another-provider',
  })
}

/** Tenants have no users in common, even where one person signs in at both. */
export const userOf = (
  { keyring, upstreams }: Context,
  provider: string | undefined,
  identity: Identity,
): string => userKey(keyring, identity, upstreams.tenants ? provider : undefined)
