import type { GrantKey } from '../grants/grant-key.ts'
import type { UpstreamTokens } from '../ports.ts'
import { seconds } from '../timing.ts'

/**
 * The state of a provider's access token: `fresh`, `stale` if it should be refreshed and still works, or `expired`.
 */
export type TokenState = 'fresh' | 'stale' | 'expired'

/**
 * Returns the state of an access token. A token without an expiry is used until it is refused.
 *
 * @param spread A number from 0 to 1 that belongs to the grant. Tokens of many grants that were issued together do not
 * become stale together.
 */
export function stateOf(tokens: UpstreamTokens, now: number, spread: number): TokenState {
  const { expiresAt, obtainedAt } = tokens
  if (expiresAt === undefined) return 'fresh'
  const left = expiresAt - now
  const life = obtainedAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - obtainedAt
  // The last seconds are not used, because clocks differ and requests take time.
  if (left <= Math.min(seconds.tokenEdge, life / 10)) return 'expired'
  const margin = Math.min(seconds.tokenSkew + spread * seconds.tokenSpread, life / 2)
  return left <= margin ? 'stale' : 'fresh'
}

/** Returns the state of a grant's tokens. The spread follows from the grant's id, which is random. */
export const stateOfGrant = ({ id }: GrantKey, tokens: UpstreamTokens, now: number): TokenState =>
  stateOf(tokens, now, ((id.charCodeAt(0) + 3 * id.charCodeAt(1)) % 64) / 63)
