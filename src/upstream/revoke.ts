import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch, UpstreamTokens } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'
import { clientAuth } from './client-auth.ts'
import { requestOptions, type Server } from './discovery.ts'

interface Ports {
  readonly fetch: Fetch
  readonly now: Clock
  refresh(tokens: UpstreamTokens): Promise<UpstreamTokens>
}

/**
 * Revokes the provider's tokens in the way it offers, if it offers one. A token that has expired or is revoked already
 * counts as revoked.
 *
 * @throws {OAuthError} `temporarily_unavailable` if the provider refused. The grant here has ended all the same.
 */
export async function revokeTokens(
  provider: Provider,
  server: Server,
  tokens: UpstreamTokens,
  ports: Ports,
): Promise<void> {
  const { clientId: id, clientSecret: secret, revocation, revoke } = provider
  const endpoint = endpointOf(server, provider)
  if (!revoke && (revocation.style === 'none' || !endpoint)) return
  const live = await withLiveAccessToken(provider, tokens, ports)
  if (live === undefined) return
  if (revoke) {
    if ((await revoke({ tokens: live, client: { id, secret }, fetch: ports.fetch })) === 'failed')
      throw failed()
    return
  }
  if (revocation.style === 'bearer') {
    const headers = { accept: 'application/json', authorization: `Bearer ${live.accessToken}` }
    const response = await ports.fetch(endpoint!, { method: 'POST', headers })
    // No client authenticates here, so 401 means that the token is invalid already.
    if (response.status !== 401 && !(await isRevoked(response, provider))) throw failed()
    return
  }
  await revokeByRfc7009(provider, { ...server, revocation_endpoint: endpoint! }, live, ports)
}

const endpointOf = (
  { revocation_endpoint: named, token_endpoint: token }: Server,
  { revocation: { path } }: Provider,
): string | undefined =>
  named ?? (path !== undefined && token !== undefined ? new URL(path, token).href : undefined)

/**
 * Returns tokens whose access token works, if the revocation needs that. Else the refresh token would outlive the
 * revocation. Returns `undefined` if the provider has ended the sign-in itself.
 */
async function withLiveAccessToken(
  { revocation: { style, only } }: Provider,
  tokens: UpstreamTokens,
  { now, refresh }: Ports,
): Promise<UpstreamTokens | undefined> {
  const needsAccess = style === 'bearer' || only === 'access_token'
  const hasExpired = tokens.expiresAt !== undefined && tokens.expiresAt <= now()
  if (!needsAccess || !hasExpired || tokens.refreshToken === undefined) return tokens
  return refresh(tokens).catch((error: unknown) => {
    if (error instanceof OAuthError && error.code === 'invalid_grant') return undefined
    throw error
  })
}

async function revokeByRfc7009(
  provider: Provider,
  server: Server,
  { accessToken, refreshToken }: UpstreamTokens,
  { fetch, now }: Ports,
): Promise<void> {
  const { clientId: id, requestBody, revocation } = provider
  const auth = clientAuth(provider, server, 'revocation', now)
  const options = requestOptions(fetch, provider)
  const revoked: boolean[] = []
  // The refresh token first: at most providers the access token ends with it.
  for (const [hint, token] of [
    ['refresh_token', refreshToken],
    ['access_token', accessToken],
  ] as const) {
    if (token === undefined || (revocation.only ?? hint) !== hint) continue
    const response = await oauth.revocationRequest(server, { client_id: id }, auth, token, {
      ...options,
      // An endpoint that reads JSON may refuse members that it does not document.
      ...(requestBody !== 'json' && { additionalParameters: { token_type_hint: hint } }),
    })
    revoked.push(await isRevoked(response, provider))
  }
  // Not every provider accepts an access token, but the first token has to end.
  if (revoked[0] === false && !revocation.lenient) throw failed()
}

/** Returns `true` for any 2xx whose body does not say otherwise, and if the token had ended before. */
async function isRevoked(response: Response, { revocation: { over = [] } }: Provider): Promise<boolean> {
  const said = (await response.json().catch(() => undefined)) as { ok?: unknown; error?: unknown } | null
  const error = typeof said?.error === 'string' ? said.error : undefined
  if (error !== undefined) return error === 'invalid_token' || over.includes(error)
  return response.ok && said?.ok !== false
}

const failed = () =>
  new OAuthError('temporarily_unavailable', 'The identity provider did not revoke its tokens', {
    reason: 'provider-revocation-refused',
  })
