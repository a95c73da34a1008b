import type { Fetch, UpstreamTokens } from '../ports.ts'
import { IdentityRefused, unknownUser } from '../providers/parts/who.ts'
import type { Provider } from '../providers/provider.ts'
import type { Server } from './discovery.ts'
import type { ProviderKeys } from './provider-keys.ts'

export type Json = Readonly<Record<string, unknown>>

/**
 * Requests the userinfo endpoint, or the request of the definition. A signed response is verified with the
 * provider's keys.
 *
 * @throws {OAuthError} `server_error` if the response is refused, not a JSON object, or not addressed to this client.
 * @see [OpenID Connect Core §5.3.2](https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse)
 */
export async function requestUserinfo(
  { identity, clientId }: Provider,
  server: Server,
  { accessToken }: UpstreamTokens,
  { fetch, keys }: { fetch: Fetch; keys: ProviderKeys },
): Promise<Json> {
  const { userinfo_endpoint: url } = server
  if (!url) throw unknownUser('neither an ID token nor a userinfo endpoint')
  const { method = 'GET', headers, body } = identity.request ?? {}
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/json', ...headers, authorization: `Bearer ${accessToken}` },
    ...(body !== undefined && { body }),
  })
  if (!response.ok)
    throw unknownUser(`userinfo answered ${response.status}`, new IdentityRefused(response.status))
  const text = await response.text()
  const isSigned = /^application\/jwt\b/i.test(response.headers.get('content-type') ?? '')
  const said = parse(isSigned ? await openSigned(text.trim(), server, keys) : text)
  if (said === undefined) throw unknownUser('userinfo is not a JSON object')
  if (isSigned && !isAddressedTo(said, server.issuer, clientId))
    throw unknownUser('the signed userinfo names another issuer or another client')
  return said
}

async function openSigned(token: string, server: Server, keys: ProviderKeys): Promise<string> {
  if (token.split('.').length !== 3)
    throw unknownUser('userinfo is encrypted: switch encryption off for the application at the provider')
  if (server.jwks_uri === undefined)
    throw unknownUser('userinfo is signed, and the provider publishes no keys')
  return new TextDecoder().decode(await keys.verify(token, server.jwks_uri))
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

const isAddressedTo = ({ iss, aud }: Json, issuer: string, clientId: string): boolean =>
  (iss === undefined || iss === issuer) && (aud === undefined || [aud].flat().includes(clientId))
