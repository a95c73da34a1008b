import { decodeJwt } from 'jose/jwt/decode'
import * as oauth from 'oauth4webapi'
import type { Clock, Fetch, UpstreamTokens } from '../ports.ts'
import { issuerOfToken } from '../providers/parts/issuer.ts'
import type { Provider } from '../providers/provider.ts'
import type { UpstreamFlow } from './authorization-url.ts'
import { onCallback } from './callback-issuer.ts'
import { clientAuth } from './client-auth.ts'
import { requestOptions, type Server } from './discovery.ts'
import { expiryOf } from './expiry.ts'
import type { Exchanged } from './identity.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { InvalidResponse, withSkew } from './refusal.ts'
import { asBody } from './request-format.ts'
import { conformTokenAnswer } from './token-response.ts'
import { anotherPerson, unlessKeysAreAway } from './upstream-error.ts'

/** The parameters of an authorization response. Others, such as a token, are never read from the browser. */
const ANSWER = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri']

const pick = (params: URLSearchParams, names: readonly string[]): URLSearchParams =>
  new URLSearchParams([...params].filter(([name]) => names.includes(name)))

async function verifyCallback({ callback, clientId, clientSecret }: Provider, params: URLSearchParams) {
  if ((await callback?.verify?.(params, { id: clientId, secret: clientSecret })) === false)
    throw new InvalidResponse('the signature of the authorization response is invalid')
}

/** The two requests for tokens. Both throw what the provider or the library says; the caller translates it. */
export interface TokenEndpoint {
  /** Checks the authorization response, exchanges its code and validates the ID token. */
  exchange(
    known: Server,
    params: URLSearchParams,
    flow: UpstreamFlow,
  ): Promise<Exchanged & { server: Server }>
  refresh(known: Server, tokens: UpstreamTokens): Promise<Exchanged>
}

export function createTokenEndpoint(
  provider: Provider,
  ports: {
    fetch: Fetch
    now: Clock
    keys: ProviderKeys
    redirectUri: string
    /** The scopes of a request. @param more In addition to those of every sign-in. */
    scopes(more?: readonly string[]): Promise<readonly string[]>
    /** Keeps the ID token with the others. */
    keepsIdToken: boolean
  },
): TokenEndpoint {
  const { fetch, now, keys, redirectUri } = ports
  const client: oauth.Client = { client_id: provider.clientId }
  const { resource, tokenParams, refreshParams } = provider

  const sending = (phase: 'exchange' | 'refresh') =>
    requestOptions(async (url, init) => {
      const response = await fetch(url, asBody(init, provider))
      const date = response.headers.get('date')
      return conformTokenAnswer(response, provider, phase).catch((error: unknown) => {
        throw provider.clientAssertion ? withSkew(error, date, now()) : error
      })
    }, provider)

  const scope = async (more?: readonly string[]) =>
    ({ scope: (await ports.scopes(more)).join(provider.scopeSeparator) }) as const

  /** @param previous Values that stay if the response does not repeat them: most providers do not rotate. */
  function toTokens(answer: oauth.TokenEndpointResponse, previous?: UpstreamTokens): UpstreamTokens {
    return {
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token ?? previous?.refreshToken,
      expiresAt: expiryOf(provider, answer, now),
      obtainedAt: now(),
      scope: answer.scope ?? previous?.scope,
      more: previous?.more,
      ...(previous?.callback && { callback: previous.callback }),
      ...(ports.keepsIdToken && { idToken: answer.id_token ?? previous?.idToken }),
      subject: oauth.getValidatedIdTokenClaims(answer)?.sub ?? previous?.subject,
    }
  }

  /** Returns the metadata under the issuer that this response's ID token must have. */
  async function issuedBy(server: Server, response: Response): Promise<Server> {
    const token = await idTokenOf(response)
    if (token === undefined) return server
    return { ...server, issuer: issuerOfToken(provider.issuerRule, server.issuer, decodeJwt(token)) }
  }

  async function idTokenOf(response: Response): Promise<string | undefined> {
    if (!provider.idToken) return undefined
    const { id_token: token } = (await response.clone().json()) as { id_token?: unknown }
    return typeof token === 'string' ? token : undefined
  }

  /** Token responses come from the provider over TLS. The signature protects against an intermediary. */
  async function verifySignature(server: Server, idToken: string | undefined): Promise<void> {
    if (server.jwks_uri !== undefined && idToken !== undefined) await keys.verify(idToken, server.jwks_uri)
  }

  return {
    async exchange(known, params, flow) {
      await verifyCallback(provider, params)
      const kept = provider.callback?.params
      const answer = pick(params, ANSWER)
      const { server: judged, named } = onCallback(provider, known, answer)
      const checked = oauth.validateAuthResponse(judged, client, answer, flow.state)
      const response = await oauth.authorizationCodeGrantRequest(
        known,
        client,
        clientAuth(provider, known, 'token', now),
        checked,
        redirectUri,
        provider.pkce ? flow.verifier : oauth.nopkce,
        {
          ...sending('exchange'),
          additionalParameters: {
            ...(provider.exchangeScope === 'same' && (await scope(flow.more))),
            ...(resource && { resource }),
            ...tokenParams,
          },
        },
      )
      const server = await issuedBy(known, response)
      const signed = await idTokenOf(response)
      if (provider.idToken && named !== undefined && named !== server.issuer) {
        throw new InvalidResponse('callback and ID token name different issuers')
      }
      const result = await oauth.processAuthorizationCodeResponse(server, client, response, {
        ...(provider.idToken && { requireIdToken: true }),
        ...(provider.idToken && provider.nonce && { expectedNonce: flow.nonce }),
      })
      await verifySignature(server, signed)
      return {
        server,
        tokens: {
          ...toTokens(result),
          ...(flow.more && { more: flow.more }),
          ...(kept && { callback: Object.fromEntries(pick(params, kept)) }),
        },
        answer: result as Record<string, unknown>,
        idToken: oauth.getValidatedIdTokenClaims(result),
      }
    },
    async refresh(known, tokens) {
      const endpoint = known.refresh_endpoint ?? known.token_endpoint
      const at = { ...known, ...(endpoint && { token_endpoint: endpoint }) }
      const auth = clientAuth(provider, known, known.refresh_endpoint ? 'refresh' : 'token', now)
      const response = await oauth.refreshTokenGrantRequest(at, client, auth, tokens.refreshToken!, {
        ...sending('refresh'),
        additionalParameters: {
          ...(provider.refreshScope === 'same' && (await scope(tokens.more))),
          ...(provider.refreshRedirectUri && { redirect_uri: redirectUri }),
          ...(resource && { resource }),
          ...refreshParams,
        },
      })
      const server = await issuedBy(at, response)
      const signed = await idTokenOf(response)
      const result = await oauth.processRefreshTokenResponse(server, client, response)
      await verifySignature(server, signed).catch(unlessKeysAreAway)
      const claims = oauth.getValidatedIdTokenClaims(result)
      if (claims && tokens.subject !== undefined && claims.sub !== tokens.subject) throw anotherPerson()
      return { tokens: toTokens(result, tokens), answer: result as Record<string, unknown>, idToken: claims }
    },
  }
}
