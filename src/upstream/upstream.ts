import { OAuthError } from '../errors.ts'
import type { Clock, Fetch, Identity, KeepAlive, UpstreamTokens } from '../ports.ts'
import { kindsByTenant, type TenantKinds } from '../providers/parts/tenancy.ts'
import { identifiesTokens, type Provider } from '../providers/provider.ts'
import {
  accountPromptOf,
  authorizationParams,
  authorizationUrl,
  type UpstreamFlow,
} from './authorization-url.ts'
import { confirmIdentity } from './confirm.ts'
import { createServerMetadata } from './discovery.ts'
import { createUpstreamFetch } from './fetch.ts'
import { type Exchanged, hasRequiredClaims, type Needs, readIdentity } from './identity.ts'
import { createProviderKeys } from './provider-keys.ts'
import { pushesRequests, pushRequest } from './pushed-request.ts'
import { asBody, withHeaders } from './request-format.ts'
import { revokeTokens } from './revoke.ts'
import { isGranted, OPENID_WORDS, showScopes, withoutForeignApi } from './scope-match.ts'
import { createTokenEndpoint } from './token-endpoint.ts'
import { createTokenExchange, type TokenExchange } from './token-exchange.ts'
import { beforehand } from './unavailable.ts'
import { exchangeError, refreshError } from './upstream-error.ts'

export type { UpstreamFlow } from './authorization-url.ts'

/** One provider, as the endpoints use it. */
export interface Upstream {
  /** The id in grants. */
  readonly id: string
  /** The id of the provider in the options. Tenants share it. */
  readonly provider: string
  readonly name: string
  /** An identity provider, or the application's own sign-in page. */
  readonly kind: 'provider' | 'own-login'
  /** The URL to which a provider sends its authorization responses. */
  readonly callback: string | undefined
  /** A refresh never, sometimes or always replaces the refresh token, which is then accepted once. */
  readonly rotation: 'never' | 'maybe' | 'always'
  /** A refresh ends the previous access token. */
  readonly refreshKillsAccess: boolean
  /** The effect of {@link revoke}: with `authorization` it ends every grant of the user at this application. */
  readonly revocationEnds: 'token' | 'authorization'
  /** The number of sign-ins that the provider keeps for each user and application, if it is limited. */
  readonly tokensPerUser: number | undefined
  /** The kinds of rules of `allow` that count for its users only if they name the tenant. */
  readonly kindsByTenant: TenantKinds
  /** Returns `true` if a user has the claims that the provider's definition requires. */
  admits(identity: Identity): boolean
  /**
   * Returns the owner of an access token of any application. Absent if the provider cannot tell.
   *
   * @throws {UpstreamUnavailable} If the owner may be known later. Any other error means an invalid token.
   */
  readonly identify: ((accessToken: string) => Promise<Identity>) | undefined
  /** Returns the scopes of the authorization request. @param more In addition to those of every sign-in. */
  scopes(more?: readonly string[]): Promise<readonly string[]>
  /** Returns the meaning of one of its scopes, if it is known. */
  words(scope: string): string | undefined
  /** Returns `true` if its tokens carry one of its scopes. A response without scopes grants what was requested. */
  grants(tokens: UpstreamTokens, scope: string): boolean
  /** Returns the scopes that were requested for one sign-in and those that were granted, for events. */
  explainScopes(tokens: UpstreamTokens): string
  /** `true` if its sign-in page lets the user choose another account. */
  readonly switchesAccount: boolean
  /** Returns the URL of the provider's sign-in page. @param another Lets the user choose another account there. */
  authorizationUrl(flow: UpstreamFlow, another?: boolean): Promise<string>
  /**
   * Checks the authorization response and exchanges its code.
   *
   * @throws {OAuthError} `access_denied` if the provider says so, `temporarily_unavailable`, else `server_error`.
   */
  exchange(
    answer: URLSearchParams,
    flow: UpstreamFlow,
  ): Promise<{ identity: Identity; tokens: UpstreamTokens }>
  /**
   * Requests new tokens once.
   *
   * @throws {OAuthError} `invalid_grant` if the provider ended the sign-in; {@link UpstreamUnavailable} leaves it alive.
   */
  refresh(tokens: UpstreamTokens): Promise<Exchanged>
  /**
   * Finds out who the owner of tokens is now.
   *
   * @param exchanged The tokens, with the token response if they were just refreshed.
   * @param previous The identity so far. It keeps what the provider does not tell again.
   * @returns `refused` if the provider does not accept the tokens any more, `undefined` if it cannot tell.
   * @throws {UpstreamUnavailable} If it may tell later.
   */
  confirm(exchanged: Exchanged, previous: Identity): Promise<Identity | 'refused' | undefined>
  /**
   * Revokes the provider's tokens, if the provider offers that.
   *
   * @throws {OAuthError} If the provider offers it, but refused.
   */
  revoke(tokens: UpstreamTokens): Promise<void>
  /** Exchanges tokens of users for others. Absent if there is nothing to exchange. */
  readonly exchanges: TokenExchange | undefined
}

export function createUpstream(
  provider: Provider,
  ports: {
    fetch: Fetch
    now: Clock
    keepAlive?: KeepAlive | undefined
    redirectUri: string
    /** The id in grants. Default: the provider's id. */
    id?: string
    /** The memberships to read. Default: none. */
    needs?: Needs
    /** Keeps ID tokens. Default: `false`. */
    keepsIdToken?: boolean
  },
): Upstream {
  const { now, redirectUri, needs = { memberships: false, groups: false } } = ports
  const fetch = withHeaders(createUpstreamFetch(ports.fetch), provider)
  const metadata = createServerMetadata(provider, fetch, now, ports.keepAlive)
  const keys = createProviderKeys(fetch, now)
  const { keepsIdToken = false } = ports
  const tokenEndpoint = createTokenEndpoint(provider, { fetch, now, keys, redirectUri, scopes, keepsIdToken })
  const exchanges = createTokenExchange(provider, { fetch, now, metadata })

  async function scopes(more: readonly string[] = []): Promise<readonly string[]> {
    const extras = [needs.memberships && provider.memberships, needs.groups && provider.groups].filter(
      (one) => !!one,
    )
    const optional = [provider, ...extras].flatMap(({ optionalScopes = [] }) => optionalScopes)
    const listed = optional.length > 0 ? (await metadata()).scopes_supported : undefined
    const asked = [
      ...provider.scopes,
      ...optional.filter((scope) => listed?.includes(scope)),
      ...extras.flatMap(({ scopes = [] }) => scopes),
      ...more,
    ]
    return withoutForeignApi([...new Set(asked)], provider)
  }

  const refresh = async (tokens: UpstreamTokens): Promise<Exchanged> => {
    const known = await metadata().catch(beforehand)
    return tokenEndpoint.refresh(known, tokens).catch((error: unknown) => {
      throw refreshError(error, provider)
    })
  }

  return {
    id: ports.id ?? provider.id,
    provider: provider.id,
    name: provider.name,
    kind: 'provider',
    callback: redirectUri,
    rotation: provider.rotation,
    refreshKillsAccess: provider.refreshKillsAccess === true,
    revocationEnds: provider.revocation.ends ?? 'token',
    tokensPerUser: provider.tokensPerUser,
    words: (scope) => provider.scopeWords?.[scope] ?? OPENID_WORDS[scope],
    grants: (tokens, scope) => isGranted(provider, tokens.scope, scope),
    explainScopes: ({ more = [], scope }) =>
      `requested: ${showScopes(more)}; granted: ${scope === undefined ? 'not said' : showScopes(scope.split(' '))}`,
    identify: identifiesTokens(provider)
      ? async (accessToken) =>
          readIdentity(
            provider,
            await metadata(),
            { tokens: { accessToken }, answer: {}, idToken: undefined },
            { fetch, keys, needs },
          )
      : undefined,
    kindsByTenant: kindsByTenant(provider),
    admits: (identity) => hasRequiredClaims(provider, identity),
    scopes,
    switchesAccount: accountPromptOf(provider) !== undefined,
    async authorizationUrl(flow, another = false) {
      const server = await metadata()
      const { authorization_endpoint: endpoint } = server
      if (!endpoint)
        throw new OAuthError('server_error', 'The provider has no authorization endpoint', {
          reason: 'provider-endpoint-missing',
          detail: 'authorization_endpoint',
        })
      const asked = { flow, scopes: await scopes(flow.more), redirectUri, another }
      const params = authorizationParams(provider, asked)
      if (!pushesRequests(provider, server)) return authorizationUrl(endpoint, params)
      return authorizationUrl(endpoint, await pushRequest(provider, server, params, { fetch, now }))
    },
    async exchange(answer, flow) {
      const known = await metadata()
      try {
        const { server, ...exchanged } = await tokenEndpoint.exchange(known, answer, flow)
        const identity = await readIdentity(provider, server, exchanged, { fetch, keys, needs })
        return { identity, tokens: exchanged.tokens }
      } catch (error) {
        throw exchangeError(error, provider)
      }
    },
    refresh,
    exchanges,
    confirm: async (exchanged, previous) =>
      confirmIdentity(provider, await metadata(), { exchanged, previous }, { fetch, keys, needs }),
    async revoke(tokens) {
      const sending: Fetch = (url, init) => fetch(url, asBody(init, provider))
      await revokeTokens(provider, await metadata(), tokens, {
        fetch: sending,
        now,
        refresh: async (old) => (await refresh(old)).tokens,
      })
    },
  }
}
