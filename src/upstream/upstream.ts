import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch, Identity, UpstreamTokens } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'
import { createUpstreamFetch } from './answer.ts'
import { readIdentity } from './identity.ts'
import { createServerMetadata, requestOptions } from './server.ts'
import { conformTokenAnswer } from './token-answer.ts'

/** What one sign-in at the provider is bound to; kept in the browser, sealed. */
export interface UpstreamFlow {
  readonly state: string
  readonly verifier: string
  readonly nonce: string
}

/** One provider, as the endpoints use it. */
export interface Upstream {
  readonly name: string
  /** The scopes the authorization request will carry. */
  scopes(): Promise<readonly string[]>
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
  /** @throws {OAuthError} `invalid_grant` where the provider ended it; anything else leaves it alive. */
  refresh(tokens: UpstreamTokens): Promise<UpstreamTokens>
  /** Ends the provider's tokens where it offers that. */
  revoke(tokens: UpstreamTokens): Promise<void>
}

export function createUpstream(
  provider: Provider,
  ports: { fetch: Fetch; now: Clock; redirectUri: string },
): Upstream {
  const { now, redirectUri } = ports
  const fetch = createUpstreamFetch(ports.fetch)
  const tokenFetch: Fetch = async (url, init) => conformTokenAnswer(await fetch(url, init), provider)
  const metadata = createServerMetadata(provider, fetch, now)
  const client: oauth.Client = { client_id: provider.clientId }
  const usesIdToken = provider.scopes.includes('openid')

  async function scopes(): Promise<readonly string[]> {
    if (!provider.optionalScopes) return provider.scopes
    const { scopes_supported: listed } = await metadata()
    return [...provider.scopes, ...provider.optionalScopes.filter((scope) => listed?.includes(scope))]
  }

  /** @param previous What stays where the answer does not repeat it: most providers do not rotate. */
  function toTokens(answer: oauth.TokenEndpointResponse, previous?: UpstreamTokens): UpstreamTokens {
    return {
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token ?? previous?.refreshToken,
      expiresAt: answer.expires_in === undefined ? undefined : now() + answer.expires_in,
      scope: answer.scope ?? previous?.scope,
    }
  }

  return {
    name: provider.name,
    scopes,
    async authorizationUrl({ state, verifier, nonce }) {
      const { authorization_endpoint: endpoint } = await metadata()
      if (!endpoint) throw new OAuthError('server_error', 'The provider has no authorization endpoint')
      const asked = await scopes()
      const url = new URL(endpoint)
      const params: Record<string, string> = {
        response_type: 'code',
        client_id: provider.clientId,
        redirect_uri: redirectUri,
        state,
        ...(asked.length > 0 && { scope: asked.join(provider.scopeSeparator) }),
        ...(usesIdToken && { nonce }),
        // OpenID Connect Core §11: without it, the provider ignores the scope.
        ...(usesIdToken && asked.includes('offline_access') && { prompt: 'consent' }),
        ...(provider.pkce && {
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        }),
        ...provider.params,
      }
      for (const [name, value] of Object.entries(params)) if (value !== '') url.searchParams.set(name, value)
      return url.href
    },
    async exchange(answer, flow) {
      const server = await metadata()
      if (provider.callbackIssuer === 'ignore') answer.delete('iss')
      try {
        const checked = oauth.validateAuthResponse(server, client, answer, flow.state)
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          authentication(provider, server),
          checked,
          redirectUri,
          provider.pkce ? flow.verifier : oauth.nopkce,
          requestOptions(tokenFetch, server.token_endpoint ?? ''),
        )
        const result = await oauth.processAuthorizationCodeResponse(server, client, response, {
          ...(usesIdToken && { expectedNonce: flow.nonce, requireIdToken: true }),
        })
        if (usesIdToken && server.jwks_uri) {
          const options = requestOptions(fetch, server.jwks_uri)
          await oauth.validateApplicationLevelSignature(server, response, options)
        }
        const tokens = toTokens(result)
        const claims = oauth.getValidatedIdTokenClaims(result)
        return { identity: await readIdentity(provider, server, tokens, claims, fetch), tokens }
      } catch (error) {
        throw exchangeError(error)
      }
    },
    async refresh(tokens) {
      const server = await metadata()
      const options = requestOptions(tokenFetch, server.token_endpoint ?? '')
      const auth = authentication(provider, server)
      try {
        const response = await oauth.refreshTokenGrantRequest(
          server,
          client,
          auth,
          tokens.refreshToken!,
          options,
        )
        return toTokens(await oauth.processRefreshTokenResponse(server, client, response), tokens)
      } catch (error) {
        throw refreshError(error)
      }
    },
    async revoke(tokens) {
      if (provider.revoke) return provider.revoke(tokens, fetch)
      const server = await metadata()
      if (!server.revocation_endpoint) return
      const options = requestOptions(fetch, server.revocation_endpoint)
      const auth = authentication(provider, server)
      // The refresh token first: at most providers the access token dies with it.
      for (const token of [tokens.refreshToken, tokens.accessToken]) {
        if (token === undefined) continue
        await oauth.processRevocationResponse(
          await oauth.revocationRequest(server, client, auth, token, options),
        )
      }
    },
  }
}

function authentication(
  { clientSecret, clientAuth }: Provider,
  server: oauth.AuthorizationServer,
): oauth.ClientAuth {
  if (clientSecret === undefined || clientAuth === 'none') return oauth.None()
  const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  const basic =
    clientAuth === undefined ? offered.includes('client_secret_basic') : clientAuth !== 'client_secret_post'
  return basic ? oauth.ClientSecretBasic(clientSecret) : oauth.ClientSecretPost(clientSecret)
}

/** An answer of the provider that names an error: at the callback, or from its token endpoint. */
function namedError(error: unknown): string | undefined {
  const named = error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError
  return named ? error.error.slice(0, 60) : undefined
}

/** What went wrong at the callback, as the client may know it. */
function exchangeError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  const name = namedError(error)
  const detail = {
    reason: name ? `the provider answered ${name}` : 'the provider’s answer is not valid',
    cause: error,
  }
  if (error instanceof oauth.AuthorizationResponseError) {
    if (name === 'access_denied') return new OAuthError('access_denied', 'The sign-in was declined', detail)
    if (name === 'temporarily_unavailable') {
      return new OAuthError('temporarily_unavailable', 'The identity provider is not available', detail)
    }
  }
  return new OAuthError('server_error', 'The sign-in at the identity provider failed', detail)
}

/** Only the provider's own `invalid_grant` says that a grant is over; all else may be somebody's mistake. */
function refreshError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  const name = namedError(error)
  if (name === 'invalid_grant') {
    return new OAuthError('invalid_grant', 'The sign-in at the identity provider has ended', {
      reason: 'the provider answered invalid_grant',
      cause: error,
    })
  }
  return new OAuthError('temporarily_unavailable', 'The identity provider refuses to refresh at the moment', {
    reason: name ? `the provider answered ${name}` : 'the provider’s answer is not valid',
    cause: error,
    retryAfter: 30,
  })
}
