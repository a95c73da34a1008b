import { decodeJwt } from 'jose/jwt/decode'
import { createBoundedMap } from '../bounded-map.ts'
import { digest } from '../crypto/digest.ts'
import { OAuthError } from '../errors.ts'
import type { Emit } from '../events/event.ts'
import type { ClaimsChallenges } from '../grants/claims-challenges.ts'
import { providerOf } from '../grants/grant.ts'
import { type GrantKey, recordKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import { ownerOf } from '../grants/owner.ts'
import type { Resource } from '../options/options.ts'
import { exchangeScope, exchangesIdToken, type UpstreamTokenRule } from '../options/upstream-token.ts'
import type { Clock, Fetch, KeepAlive, UpstreamTokens } from '../ports.ts'
import { challengeIn } from '../protocol/claims-challenge.ts'
import { noProviderToken, signInEnded } from '../refusals.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'
import { type CrossApp, createCrossApp } from '../upstream/cross-app.ts'
import { mayHaveExpired } from '../upstream/exchange-error.ts'
import type { ExchangedToken } from '../upstream/exchange-response.ts'
import { ProviderRefusal } from '../upstream/refusal.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { Connections } from './connections.ts'
import type { EndTokens } from './end.ts'

/** The tokens for MCP servers that are exchanged for the provider's tokens. They are never stored. */
export interface ExchangedTokens {
  /**
   * Returns a token for an MCP server. One exchange serves every request of a grant until the token expires, or the
   * provider's token changes.
   *
   * @param scopes The scopes of the access token.
   * @param refused A token that the MCP server refused.
   * @throws {OAuthError} `invalid_grant` if the user has to sign in again; the grant has then ended. `bad_gateway` if the
   * provider refuses the exchange itself. `temporarily_unavailable` if it may succeed later.
   */
  token(key: GrantKey, resource: Resource, scopes: readonly string[], refused?: string): Promise<string>
}

interface Kept {
  readonly token: string
  /** Digest of the token that it was exchanged for. */
  readonly base: string
  /** Seconds since the epoch. */
  readonly until: number
}

/** Tokens that are kept, and their size in bytes. */
const LIMIT = 10_000
const MAX_BYTES = 32 * 1024 * 1024

export function createExchangedTokens(ports: {
  grants: Grants
  claimsChallenges: ClaimsChallenges
  connections: Connections
  upstreams: Upstreams
  endTokens: EndTokens
  fetch: Fetch
  now: Clock
  emit: Emit
  keepAlive?: KeepAlive | undefined
}): ExchangedTokens {
  const { grants, connections, upstreams, endTokens, now, emit } = ports
  const known = createBoundedMap<string, Kept>({
    entries: LIMIT,
    bytes: { limit: MAX_BYTES, of: (name, { token }) => 300 + name.length + token.length },
  })
  const apps = new Map<string, CrossApp>()
  const flights = createSingleFlight<string>({
    keepAlive: ports.keepAlive,
    longest: () => ms.refreshLongest + 4 * ms.provider,
  })

  /** Ends a grant whose user has to sign in again, so that its client starts over. */
  async function end(key: GrantKey, cause: OAuthError): Promise<never> {
    const claims = cause.cause instanceof ProviderRefusal ? challengeIn(cause.cause.body) : undefined
    if (claims !== undefined) await ports.claimsChallenges.keep(key.user, claims)
    const ended = await grants.end(key)
    const { reason, detail } = cause
    const owner = ownerOf(key, ended?.grant)
    emit({ type: 'grant-ended', ...owner, reason, detail })
    const grant = ended?.grant
    if (grant) void endTokens(owner, () => grants.tokensOf(key, grant))
    throw signInEnded({ reason, detail, cause })
  }

  const appOf = (resource: Resource, rule: Extract<UpstreamTokenRule, { type: 'cross-app' }>): CrossApp => {
    const app = apps.get(resource.id) ?? createCrossApp((resource.target as { url: URL }).url, rule, ports)
    apps.set(resource.id, app)
    return app
  }

  /** Returns tokens whose ID token can still be exchanged, if it is the one that is. */
  async function usable(
    key: GrantKey,
    rule: UpstreamTokenRule,
    tokens: UpstreamTokens,
  ): Promise<UpstreamTokens> {
    if (!exchangesIdToken(rule) || tokens.refreshToken === undefined || lives(tokens.idToken, now()))
      return tokens
    return (await connections.renew(key)) ?? tokens
  }

  async function obtain(key: GrantKey, resource: Resource, scope: string, base: UpstreamTokens) {
    const grant = (await grants.live(key)).grant
    const upstream = grant && upstreams.find(providerOf(grant))
    const exchanges = upstream?.exchanges
    const rule = resource.exchange
    if (!exchanges || !rule) throw noExchange()
    const attempt = (tokens: UpstreamTokens): Promise<ExchangedToken> => {
      if (rule.type !== 'cross-app') return exchanges.exchange(tokens, rule, scope)
      const { subject = 'id_token' } = rule
      return appOf(resource, rule).token(scope, (about) => exchanges.assertion(tokens, { subject, ...about }))
    }
    const begin = await usable(key, rule, base)
    try {
      return { tokens: begin, ...(await attempt(begin)) }
    } catch (error) {
      if (!mayHaveExpired(error) || begin.refreshToken === undefined || begin !== base) throw error
      // The provider may have revoked the token alone. One refresh tells.
      const tokens = await connections.renew(key)
      if (!tokens || tokens.accessToken === base.accessToken) throw error
      return { tokens, ...(await attempt(tokens)) }
    }
  }

  async function exchange(
    name: string,
    key: GrantKey,
    resource: Resource,
    scope: string,
    base: UpstreamTokens,
  ) {
    try {
      const { token, expiresIn, tokens } = await obtain(key, resource, scope, base)
      const life = expiresIn === undefined ? seconds.exchangedUnknown : expiresIn - seconds.exchangedEdge
      known.set(name, { token, base: digest(tokens.accessToken), until: now() + Math.max(life, 1) })
      return token
    } catch (error) {
      known.delete(name)
      if (
        error instanceof OAuthError &&
        error.code === 'invalid_grant' &&
        error.reason === 'exchange-needs-sign-in'
      ) {
        return end(key, error)
      }
      throw error
    }
  }

  return {
    async token(key, resource, scopes, refused) {
      const tokens = await connections.fresh(key)
      if (!tokens) throw noExchange()
      const scope = exchangeScope(resource.exchange?.scope, scopes)
      const name = `${recordKey(key)}\n${resource.id}\n${scope}`
      const kept = known.get(name)
      const isGood =
        kept && kept.until > now() && kept.token !== refused && kept.base === digest(tokens.accessToken)
      if (isGood) return kept.token
      return flights.join(name, () => exchange(name, key, resource, scope, tokens))
    },
  }
}

const noExchange = () => noProviderToken('nothing can be exchanged')

/** Returns whether an ID token can be used for another minute. */
function lives(idToken: string | undefined, now: number): boolean {
  if (idToken === undefined) return false
  try {
    return (decodeJwt(idToken).exp ?? 0) > now + seconds.exchangedEdge
  } catch {
    return false
  }
}
