import type { Context } from '../context.ts'
import { page } from '../http/responses.ts'
import { consentPage, type ProviderView } from '../pages/consent-page.ts'
import type { Voucher } from '../pages/trust.ts'
import { optionalScopes, upstreamScopes } from '../protocol/scope.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { fieldOf, openConsent } from './consent-form.ts'
import { describeScope } from './describe-scope.ts'
import type { SignInRequest } from './pending.ts'

/**
 * Puts a request before the user.
 *
 * @param about.voucher The party that vouches for the client's name.
 * @param about.choices The providers that the user may sign in at.
 * @throws {OAuthError} `invalid_request` if the sign-in would not fit into a cookie.
 */
export async function showConsent(
  ctx: Context,
  http: Request,
  asked: SignInRequest,
  about: { voucher: Voucher; choices: readonly Upstream[]; cookies?: readonly string[] },
): Promise<Response> {
  const { settings } = ctx
  const { scope, redirectUri, client } = asked
  const resource = settings.resources.find(({ id }) => id === asked.resource)!
  const providers = await Promise.all(
    about.choices.map((upstream) =>
      describeProvider(upstream, upstreamScopes(scope, settings.scopes, upstream.provider)),
    ),
  )
  const optional = optionalScopes(scope, resource.scopes, settings.scopes)
  const { sealed, cookies, mark } = openConsent(ctx, http, { ...asked, optional })
  const view = consentPage(settings.look, {
    server: resource.name,
    resource: asked.resource,
    clientName: client.name,
    voucher: about.voucher,
    redirectUri,
    scopes: scope.map((one) => ({
      words: describeScope(one, settings),
      ...(optional.includes(one) && { field: fieldOf(one) }),
    })),
    providers,
    action: `${settings.basePath}/consent`,
    request: sealed,
    mark,
    ...(settings.remembers &&
      asked.remember !== undefined && {
        remembered: {
          until: settings.now() + settings.remembers.seconds,
          account: `${settings.issuer}/account`,
        },
      }),
  })
  return page(view, 200, [...(about.cookies ?? []), ...cookies])
}

/** Describes a provider, with the scopes that a sign-in would request. */
async function describeProvider(upstream: Upstream, more: readonly string[]): Promise<ProviderView> {
  const scopes = await upstream.scopes(more)
  const { id, name } = upstream
  return { id, name, scopes: scopes.map((scope) => ({ scope, words: upstream.words(scope) })) }
}
