import type { Client } from '../clients/client.ts'
import type { Clients } from '../clients/clients.ts'
import type { Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { readForm, toParams } from '../http/params.ts'
import { page } from '../http/responses.ts'
import { consentPage, type ProviderView } from '../pages/consent-page.ts'
import { checkAuthorizationRequest, chooseRedirectUri, readState } from '../protocol/authorization-request.ts'
import { isUrl } from '../protocol/document-url.ts'
import { isLoopback } from '../protocol/redirect-uri.ts'
import { upstreamScopes } from '../protocol/scope.ts'
import { answerError } from '../sign-in/authorization-error.ts'
import { describeScope } from '../sign-in/describe-scope.ts'
import { openConsent } from '../sign-in/pending.ts'
import type { Upstream } from '../upstream/upstream.ts'

/**
 * Puts an authorization request before the user. The provider hears nothing of it until they approve.
 *
 * @see [OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)
 */
export const authorizeEndpoint: Endpoint = async (request, ctx, call) => {
  const { settings, clients, upstreams } = ctx
  const params =
    request.method === 'POST' ? await readForm(request) : toParams(new URL(request.url).searchParams)
  const { client_id: clientId, redirect_uri: requestedUri } = params.fields
  const client = clientId === undefined ? undefined : await lookUp(clients, clientId)
  if (!client) {
    throw new OAuthError('invalid_request', 'The app that sent you here is not known to this server', {
      reason: clientId === undefined ? 'missing-client-id' : 'unknown-client',
    })
  }
  const redirectUri = chooseRedirectUri(requestedUri, client, settings.redirectUris, settings.origin)
  const state = readState(params)
  const trusted = client.kind === 'configured' || isLoopback(redirectUri)
  try {
    const server = { resources: settings.resources, scopes: Object.keys(settings.scopes) }
    const { refreshes, ...checked } = checkAuthorizationRequest(params, client, server)
    const resource = settings.resources.find(({ id }) => id === checked.resource)!
    const more = upstreamScopes(checked.scope, settings.scopes)
    const providers = await Promise.all(
      (await upstreams.choices(resource, request)).map((upstream) => describeProvider(upstream, more)),
    )
    const { key, name, kind, authMethods } = client
    const { sealed, cookies } = openConsent(ctx, request, {
      ...checked,
      state,
      redirectUri,
      trusted,
      client: { key, name, refreshes, ...(kind === 'document' && { authMethods }) },
    })
    const view = consentPage(settings.look, {
      server: resource.name,
      resource: checked.resource,
      clientName: name,
      verified:
        client.kind === 'configured'
          ? 'operator'
          : client.kind === 'document'
            ? { url: client.id }
            : undefined,
      redirectUri,
      scopes: checked.scope.map((scope) => describeScope(scope, settings)),
      providers,
      action: `${settings.basePath}/consent`,
      request: sealed,
    })
    return page(view, 200, cookies)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    call.emit({ endpoint: '/authorize', ...refusal(error), client: client.key })
    return answerError(ctx, call, { redirectUri, state }, error, { trusted })
  }
}

/** Only here may a client be asked for: its user is waiting to be shown what it says of itself. */
const lookUp = async ({ find, documents }: Clients, clientId: string): Promise<Client | undefined> =>
  (await find(clientId)) ?? (isUrl(clientId) ? documents?.load(clientId) : undefined)

/** What a sign-in at a provider would ask it for. */
async function describeProvider(upstream: Upstream, more: readonly string[]): Promise<ProviderView> {
  const scopes = await upstream.scopes(more)
  const { id, name } = upstream
  return { id, name, scopes: scopes.map((scope) => ({ scope, words: upstream.words(scope) })) }
}
