import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch, UpstreamTokens } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'
import { clientAuth } from './client-auth.ts'
import { requestOptions, type Server } from './discovery.ts'

/**
 * Ends the provider's tokens in the way it offers, if it offers one.
 *
 * @throws {OAuthError} `temporarily_unavailable` where it did not. The grant here has ended all the same.
 */
export async function revokeTokens(
  provider: Provider,
  server: Server,
  tokens: UpstreamTokens,
  { fetch, now }: { fetch: Fetch; now: Clock },
): Promise<void> {
  const { clientId: id, clientSecret: secret, revocation } = provider
  if (provider.revoke) {
    if ((await provider.revoke({ tokens, client: { id, secret }, fetch })) === 'failed') throw failed()
    return
  }
  const endpoint = server.revocation_endpoint
  if (revocation.style === 'none' || !endpoint) return
  if (revocation.style === 'bearer') {
    const headers = { accept: 'application/json', authorization: `Bearer ${tokens.accessToken}` }
    if (!(await succeeded(await fetch(endpoint, { method: 'POST', headers })))) throw failed()
    return
  }
  const { accessToken, refreshToken } = tokens
  const auth = clientAuth(provider, server, 'revocation', now)
  const options = requestOptions(fetch, provider)
  const client = { client_id: id }
  const ended: boolean[] = []
  // The refresh token first: at most providers the access token dies with it.
  for (const [hint, token] of [
    ['refresh_token', refreshToken],
    ['access_token', accessToken],
  ] as const) {
    if (token === undefined || (revocation.only ?? hint) !== hint) continue
    const additionalParameters = { token_type_hint: hint }
    const answer = oauth.revocationRequest(server, client, auth, token, { ...options, additionalParameters })
    ended.push(await succeeded(await answer))
  }
  // Not every provider takes an access token, but the one that was asked for first has to be over.
  if (ended[0] === false && !revocation.lenient) throw failed()
}

/** Any 2xx will do, but for those that say otherwise in their body. */
async function succeeded(response: Response): Promise<boolean> {
  if (!response.ok) return false
  const said = (await response.json().catch(() => undefined)) as { ok?: unknown; error?: unknown } | null
  return said?.ok !== false && typeof said?.error !== 'string'
}

const failed = () =>
  new OAuthError('temporarily_unavailable', 'The identity provider did not end its tokens', {
    reason: 'revocation-refused',
  })
