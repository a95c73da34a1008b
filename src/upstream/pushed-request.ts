import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'
import { signInFailed } from '../refusals.ts'
import { clientAuth } from './client-auth.ts'
import { requestOptions, type Server } from './discovery.ts'
import { ProviderRefusal } from './refusal.ts'
import { describe } from './upstream-error.ts'

/** Tells whether the authorization request goes to the provider ahead of the browser (RFC 9126). */
export const pushesRequests = ({ pushedRequests }: Provider, server: Server): boolean =>
  pushedRequests ?? server.require_pushed_authorization_requests === true

/**
 * Pushes an authorization request, and returns the parameters that are left for the browser.
 *
 * @throws {OAuthError} `temporarily_unavailable` if the provider may accept it later, else `server_error`.
 * @see [RFC 9126 §2](https://www.rfc-editor.org/rfc/rfc9126#section-2)
 */
export async function pushRequest(
  provider: Provider,
  server: Server,
  params: URLSearchParams,
  { fetch, now }: { fetch: Fetch; now: Clock },
): Promise<URLSearchParams> {
  if (!server.pushed_authorization_request_endpoint) {
    throw new OAuthError('server_error', 'The provider accepts no pushed authorization requests', {
      reason: 'provider-endpoint-missing',
      detail: 'pushed_authorization_request_endpoint',
    })
  }
  const client: oauth.Client = { client_id: provider.clientId }
  const auth = clientAuth(provider, server, 'pushed-authorization', now)
  try {
    const options = requestOptions(async (url, init) => refusing(await fetch(url, init)), provider)
    const response = await oauth.pushedAuthorizationRequest(server, client, auth, params, options)
    const { request_uri: uri } = await oauth.processPushedAuthorizationResponse(server, client, response)
    return new URLSearchParams({ client_id: provider.clientId, request_uri: uri })
  } catch (error) {
    if (error instanceof OAuthError) throw error
    throw signInFailed(describe(error))
  }
}

/** @throws {ProviderRefusal} For a response that refuses. */
async function refusing(response: Response): Promise<Response> {
  const { status } = response
  if (status < 400) return response
  const body = (await response.json().catch(() => undefined)) as
    | { error?: unknown; error_description?: unknown }
    | null
    | undefined
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  throw new ProviderRefusal({
    status,
    error: text(body?.error),
    description: text(body?.error_description),
    body,
  })
}
