import { decodeJwt } from 'jose/jwt/decode'
import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch, Identity, UpstreamTokens } from '../ports.ts'
import { issuerOfToken } from '../providers/parts/issuer.ts'
import { identifiesTokens, type Provider } from '../providers/provider.ts'
import { authorizationUrl, type UpstreamFlow } from './authorization-url.ts'
import { onCallback } from './callback-issuer.ts'
import { clientAuth } from './client-auth.ts'
import { createServerMetadata, requestOptions, type Server } from './discovery.ts'
import { expiryOf } from './expiry.ts'
import { createUpstreamFetch } from './fetch.ts'
import { hasRequiredClaims, readIdentity } from './identity.ts'
import { asBody, withHeaders } from './request-format.ts'
import { revokeTokens } from './revoke.ts'
import { isGranted, OPENID_WORDS } from './scope-match.ts'
import { conformTokenAnswer } from './token-response.ts'
import { beforehand } from './unavailable.ts'
import { anotherPerson, exchangeError, refreshError, unlessKeysAreAway } from './upstream-error.ts'

export type { UpstreamFlow } from './authorization-url.ts'

/** One provider, as the endpoints use it. */
export interface Upstream {
  /** What grants call it. */
  readonly id: string
  /** The id of its provider, as the options have it: with tenants not enough to tell them apart. */
  readonly provider: string
  readonly name: string
  /** Where it sends its answers. */
  readonly callback: string
  /** Whether a refresh gives a new refresh token, and takes the one before only once. */
  readonly rotation: 'never' | 'maybe' | 'always'
  /** Whether a refresh ends the access token before it. */
  readonly refreshKillsAccess: boolean
  /** Whether somebody may be let in at all, by what the provider's definition requires of everybody. */
  admits(identity: Identity): boolean
  /**
   * Whose an access token is, whoever got it; `undefined` where its definition cannot say that.
   *
   * @throws {UpstreamTrouble} Where it may be known later; anything else where it is nobody's.
   */
  readonly identify: ((accessToken: string) => Promise<Identity>) | undefined
  /** The scopes the authorization request will carry. @param more Beside those of every sign-in. */
  scopes(more?: readonly string[]): Promise<readonly string[]>
  /** What one of its scopes means, where somebody knows. */
  words(scope: string): string | undefined
  /** Whether its tokens carry one of its scopes. Where it did not say, they carry what was asked for. */
  grants(tokens: UpstreamTokens, scope: string): boolean
  /** Where the browser goes to sign in. */
  authorizationUrl(flow: UpstreamFlow): Promise<string>
  /**
   * Judges the provider's answer and exchanges its code.
   *
   * @throws {OAuthError} `access_denied` where the provider says so, `temporarily_unavailable`, else `server_error`.
   */
  exchange(
    answer: URLSearchParams,
    flow: UpstreamFlow,
  ): Promise<{ identity: Identity; tokens: UpstreamTokens }>
  /**
   * One request for new tokens.
   *
   * @throws {OAuthError} `invalid_grant` where the provider ended it; {@link UpstreamTrouble} leaves it alive.
   */
  refresh(tokens: UpstreamTokens): Promise<UpstreamTokens>
  /**
   * Ends the provider's tokens where it offers that.
   *
   * @throws {OAuthError} Where it does, but did not.
   */
  revoke(tokens: UpstreamTokens): Promise<void>
}

export function createUpstream(
  provider: Provider,
  ports: {
    fetch: Fetch
    now: Clock
    redirectUri: string
    /** What grants call it; the id of the provider by default. */
    id?: string
    /** Whether somebody's organisations and teams have to be known. */
    memberships?: boolean
  },
): Upstream {
  const { now, redirectUri, memberships = false } = ports
  const fetch = withHeaders(createUpstreamFetch(ports.fetch), provider)
  const tokenFetch =
    (phase: 'exchange' | 'refresh'): Fetch =>
    async (url, init) =>
      conformTokenAnswer(await fetch(url, asBody(init, provider)), provider, phase)
  const metadata = createServerMetadata(provider, fetch, now)
  const client: oauth.Client = { client_id: provider.clientId }
  const options = requestOptions(fetch, provider)
  let keys: oauth.JWKSCacheInput = {}

  async function scopes(more: readonly string[] = []): Promise<readonly string[]> {
    const { optionalScopes = [] } = provider
    const listed = optionalScopes.length > 0 ? (await metadata()).scopes_supported : undefined
    const optional = optionalScopes.filter((scope) => listed?.includes(scope))
    const known = memberships ? (provider.memberships?.scopes ?? []) : []
    return [...new Set([...provider.scopes, ...optional, ...known, ...more])]
  }

  const joined = async (more?: readonly string[]) => (await scopes(more)).join(provider.scopeSeparator)

  /** @param previous What stays where the answer does not repeat it: most providers do not rotate. */
  function toTokens(answer: oauth.TokenEndpointResponse, previous?: UpstreamTokens): UpstreamTokens {
    const expiresAt = expiryOf(provider, answer, now)
    return {
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token ?? previous?.refreshToken,
      expiresAt,
      obtainedAt: now(),
      scope: answer.scope ?? previous?.scope,
      more: previous?.more,
      subject: oauth.getValidatedIdTokenClaims(answer)?.sub ?? previous?.subject,
    }
  }

  /** The metadata under the issuer that this answer's ID token must have. */
  async function issuedBy(server: Server, response: Response): Promise<Server> {
    if (!provider.idToken) return server
    const { id_token: token } = (await response.clone().json()) as { id_token?: unknown }
    if (typeof token !== 'string') return server
    return { ...server, issuer: issuerOfToken(provider.issuerRule, server.issuer, decodeJwt(token)) }
  }

  /** Token answers come straight from the provider; the signature guards against what may stand between. */
  async function verifySignature(server: Server, response: Response, result: oauth.TokenEndpointResponse) {
    if (!server.jwks_uri || !oauth.getValidatedIdTokenClaims(result)) return
    const verify = () =>
      oauth.validateApplicationLevelSignature({ ...server }, response, {
        ...options,
        [oauth.jwksCache]: keys,
      })
    const kept = 'jwks' in keys
    await verify().catch((error: unknown) => {
      if (!kept) throw error
      // The provider may have changed its keys since they were fetched.
      keys = {}
      return verify()
    })
  }

  return {
    id: ports.id ?? provider.id,
    provider: provider.id,
    name: provider.name,
    callback: redirectUri,
    rotation: provider.rotation,
    refreshKillsAccess: provider.refreshKillsAccess === true,
    words: (scope) => provider.scopeWords?.[scope] ?? OPENID_WORDS[scope],
    grants: (tokens, scope) => isGranted(provider, tokens.scope, scope),
    identify: identifiesTokens(provider)
      ? async (accessToken) =>
          readIdentity(
            provider,
            await metadata(),
            { tokens: { accessToken }, answer: {}, idToken: undefined },
            { fetch, memberships },
          )
      : undefined,
    admits: (identity) => hasRequiredClaims(provider, identity),
    scopes,
    async authorizationUrl(flow) {
      const { authorization_endpoint: endpoint } = await metadata()
      if (!endpoint)
        throw new OAuthError('server_error', 'The provider has no authorization endpoint', {
          reason: 'provider-incomplete',
        })
      return authorizationUrl(provider, endpoint, { flow, scopes: await scopes(flow.more), redirectUri })
    },
    async exchange(answer, flow) {
      const known = await metadata()
      try {
        const { server: judged, named } = onCallback(provider, known, answer)
        const checked = oauth.validateAuthResponse(judged, client, answer, flow.state)
        const auth = clientAuth(provider, known, 'token', now)
        const verifier = provider.pkce ? flow.verifier : oauth.nopkce
        const response = await oauth.authorizationCodeGrantRequest(
          known,
          client,
          auth,
          checked,
          redirectUri,
          verifier,
          {
            ...requestOptions(tokenFetch('exchange'), provider),
            additionalParameters: {
              ...(provider.exchangeScope === 'same' && { scope: await joined(flow.more) }),
              ...(provider.resource && { resource: provider.resource }),
              ...provider.tokenParams,
            },
          },
        )
        const server = await issuedBy(known, response)
        if (provider.idToken && named !== undefined && named !== server.issuer) {
          throw new TypeError('callback and ID token name different issuers')
        }
        const result = await oauth.processAuthorizationCodeResponse(server, client, response, {
          ...(provider.idToken && { requireIdToken: true }),
          ...(provider.idToken && provider.nonce && { expectedNonce: flow.nonce }),
        })
        await verifySignature(server, response, result)
        const tokens = { ...toTokens(result), ...(flow.more && { more: flow.more }) }
        const idToken = oauth.getValidatedIdTokenClaims(result)
        const exchanged = { tokens, answer: result as Record<string, unknown>, idToken }
        return { identity: await readIdentity(provider, server, exchanged, { fetch, memberships }), tokens }
      } catch (error) {
        throw exchangeError(error)
      }
    },
    async refresh(tokens) {
      const known = await metadata().catch(beforehand)
      const endpoint = known.refresh_endpoint ?? known.token_endpoint
      const at = { ...known, ...(endpoint && { token_endpoint: endpoint }) }
      const auth = clientAuth(provider, known, known.refresh_endpoint ? 'refresh' : 'token', now)
      const additionalParameters = {
        ...(provider.refreshScope === 'same' && { scope: await joined(tokens.more) }),
        ...(provider.refreshRedirectUri && { redirect_uri: redirectUri }),
        ...(provider.resource && { resource: provider.resource }),
        ...provider.refreshParams,
      }
      try {
        const response = await oauth.refreshTokenGrantRequest(at, client, auth, tokens.refreshToken!, {
          ...requestOptions(tokenFetch('refresh'), provider),
          additionalParameters,
        })
        const server = await issuedBy(at, response)
        const result = await oauth.processRefreshTokenResponse(server, client, response)
        await verifySignature(server, response, result).catch(unlessKeysAreAway)
        const claims = oauth.getValidatedIdTokenClaims(result)
        if (claims && tokens.subject !== undefined && claims.sub !== tokens.subject) throw anotherPerson()
        return toTokens(result, tokens)
      } catch (error) {
        throw refreshError(error, provider.terminalErrors)
      }
    },
    async revoke(tokens) {
      const sending: Fetch = (url, init) => fetch(url, asBody(init, provider))
      await revokeTokens(provider, await metadata(), tokens, { fetch: sending, now })
    },
  }
}
