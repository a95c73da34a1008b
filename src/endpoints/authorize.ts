import type { Client } from '../clients/client.ts'
import type { Clients } from '../clients/clients.ts'
import type { Call, Endpoint } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { refusal } from '../events/refusal.ts'
import { readForm, toParams } from '../http/params.ts'
import type { Voucher } from '../pages/trust.ts'
import {
  checkAuthorizationRequest,
  chooseRedirectUri,
  type RequestingClient,
  readState,
} from '../protocol/authorization-request.ts'
import { isUrl } from '../protocol/document-url.ts'
import { isLoopback } from '../protocol/redirect-uri.ts'
import { approvedEarlier, subjectOf } from '../sign-in/approvals.ts'
import { authorizationError } from '../sign-in/authorization-error.ts'
import type { SignInRequest } from '../sign-in/pending.ts'
import { sendToProvider } from '../sign-in/send-to-provider.ts'
import { showConsent } from '../sign-in/show-consent.ts'

/**
 * Puts an authorization request before the user. The provider is not contacted until the user approves. Only an approval
 * that this browser remembers stands for the page, if the operator wants that.
 *
 * @see [OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)
 */
export const authorizeEndpoint: Endpoint = async (request, ctx, call) => {
  const { settings, clients, upstreams } = ctx
  const params =
    request.method === 'POST' ? await readForm(request) : toParams(new URL(request.url).searchParams)
  const { client_id: clientId, redirect_uri: requestedUri } = params.fields
  const client = clientId === undefined ? undefined : await lookUp(clients, clientId, call)
  if (!client) {
    throw new OAuthError('invalid_request', 'The app that sent you here is not known to this server', {
      reason: clientId === undefined ? 'missing-client-id' : 'unknown-client',
    })
  }
  const redirectUri = chooseRedirectUri(requestedUri, client, settings.redirectUris, settings.origin)
  const state = readState(params)
  const trusted = client.kind === 'configured' || isLoopback(redirectUri)
  try {
    const server = { resources: settings.resources, scopes: settings.scopes }
    const { refreshes, ...checked } = checkAuthorizationRequest(params, boundedBy(client), server)
    const resource = settings.resources.find(({ id }) => id === checked.resource)!
    const choices = await upstreams.choices(resource, request)
    const { key, name, kind, authMethods } = client
    const subject = subjectOf(ctx, client, { redirectUri, resource: resource.id })
    const asked: SignInRequest = {
      ...checked,
      state,
      redirectUri,
      trusted,
      client: { key, name, refreshes, ...(kind === 'document' && { authMethods }) },
      ...(subject !== undefined && { remember: subject }),
    }
    const earlier = await approvedEarlier(ctx, request, params.fields, { request: asked, choices })
    if (earlier) return await sendToProvider(ctx, call, request, { ...earlier, endpoint: '/authorize' })
    return await showConsent(ctx, request, asked, { voucher: voucherOf(client), choices })
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    call.emit({ endpoint: '/authorize', ...refusal(error), client: client.key, clientName: client.name })
    return authorizationError(ctx, call, { redirectUri, state }, error, { trusted })
  }
}

/**
 * Returns a client with the bounds of its scopes. The operator bounds a configured client. Any other client wrote its
 * scopes itself when it first connected, and a later challenge may name more: they only tell what it usually wants.
 */
const boundedBy = (client: Client): RequestingClient =>
  client.kind === 'configured' ? client : { ...client, scope: undefined, usualScope: client.scope }

/** Returns the party that vouches for a client's name. */
const voucherOf = ({ kind, id }: Client): Voucher =>
  kind === 'configured' ? 'operator' : kind === 'document' ? { url: id } : undefined

/** Finds a client, and fetches its document if need be. Only this endpoint does so, because its user is waiting. */
const lookUp = async (
  { find, documents }: Clients,
  clientId: string,
  call: Call,
): Promise<Client | undefined> =>
  (await find(clientId)) ??
  (isUrl(clientId) ? documents?.load(clientId, { address: call.address() }) : undefined)
