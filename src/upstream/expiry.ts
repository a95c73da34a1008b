import { decodeJwt } from 'jose/jwt/decode'
import type * as oauth from 'oauth4webapi'
import type { Clock } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'

/** Returns the expiry of an access token, in seconds since the epoch, if it is known. */
export function expiryOf(
  { expiry }: Provider,
  { access_token: token, expires_in: ttl }: oauth.TokenEndpointResponse,
  now: Clock,
): number | undefined {
  const own = expiry?.from === 'jwt' ? ownExpiry(token) : undefined
  const said = ttl === undefined ? undefined : now() + ttl
  return own ?? said ?? (expiry?.fallback === undefined ? undefined : now() + expiry.fallback)
}

function ownExpiry(token: string): number | undefined {
  try {
    return decodeJwt(token).exp
  } catch {
    return undefined
  }
}
