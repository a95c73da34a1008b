import * as oauth from 'oauth4webapi'
import {
  type ExchangeClient,
  type ExchangeOptions,
  subjectOf,
  type UpstreamTokenRule,
} from '../options/upstream-token.ts'
import type { Clock, Fetch, UpstreamTokens } from '../ports.ts'
import { basicCredentials } from '../providers/parts/basic.ts'
import type { Provider } from '../providers/provider.ts'
import { clientAuth } from './client-auth.ts'
import { requestOptions, type Server } from './discovery.ts'
import { exchangeFailure } from './exchange-error.ts'
import { type ExchangedToken, type Expected, readExchange } from './exchange-response.ts'
import { InvalidResponse } from './refusal.ts'
import { asBody } from './request-format.ts'

/** @see [RFC 8693 §3](https://www.rfc-editor.org/rfc/rfc8693#section-3) */
export const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** The rules of exchanges that need the provider alone. */
export type ProviderRule = Extract<UpstreamTokenRule, { type: 'exchange' | 'on-behalf-of' }>

/** An identity assertion to ask for. */
export interface AssertionRequest {
  readonly subject: 'id_token' | 'refresh_token'
  /** The issuer of the authorization server that gets it. */
  readonly audience: string
  /** The MCP server. */
  readonly resource: string
  /** Empty for none. */
  readonly scope: string
}

/**
 * Exchanges tokens of a user at the provider.
 *
 * @throws {OAuthError} As {@link exchangeFailure} says.
 */
export interface TokenExchange {
  /** Exchanges a token of the user by a rule. @param scope The scope to ask for. Empty for none. */
  exchange(tokens: UpstreamTokens, rule: ProviderRule, scope: string): Promise<ExchangedToken>
  /** Gets an identity assertion for another authorization server. */
  assertion(tokens: UpstreamTokens, request: AssertionRequest): Promise<ExchangedToken>
}

/** Authenticates a client of an exchange by the method that the server lists, or else by Basic. */
export function ownClientAuth(
  { clientId: id, clientSecret: secret }: ExchangeClient,
  { token_endpoint_auth_methods_supported: listed }: oauth.AuthorizationServer,
): oauth.ClientAuth {
  if (secret === undefined) return oauth.None()
  const usesBody = listed?.includes('client_secret_post') && !listed.includes('client_secret_basic')
  if (usesBody) return oauth.ClientSecretPost(secret)
  return (_server, _client, _body, headers) => headers.set('authorization', basicCredentials({ id, secret }))
}

export function createTokenExchange(
  provider: Provider,
  ports: { fetch: Fetch; now: Clock; metadata: () => Promise<Server> },
): TokenExchange {
  const { fetch, now, metadata } = ports
  const sending = requestOptions(async (url, init) => fetch(url, asBody(init, provider)), provider)

  /** @param own A client for the exchange alone. */
  async function ask(
    server: Server,
    grant: string,
    params: [string, string][],
    expected: Expected,
    own?: ExchangeClient,
  ): Promise<ExchangedToken> {
    const client: oauth.Client = { client_id: own?.clientId ?? provider.clientId }
    const auth = own ? ownClientAuth(own, server) : clientAuth(provider, server, 'token', now)
    const body = new URLSearchParams(params)
    const response = await oauth.genericTokenEndpointRequest(server, client, auth, grant, body, sending)
    return readExchange(response, expected, { server, client })
  }

  /** Returns a token of the client itself, for the provider's audit. */
  async function actorToken(server: Server, { actor, client }: ExchangeOptions): Promise<string> {
    const params: [string, string][] = actor?.scope === undefined ? [] : [['scope', actor.scope]]
    const expected: Expected = { types: undefined, tokenType: 'bearer' }
    return (await ask(server, 'client_credentials', params, expected, client)).token
  }

  async function exchangeParams(
    server: Server,
    tokens: UpstreamTokens,
    rule: ExchangeOptions & { type: 'exchange' },
    scope: string,
  ) {
    const { audience = [], resource = [], requestedTokenType, subjectTokenType, actor, params = {} } = rule
    const subject = subjectOf(rule)
    return [
      ['subject_token', tokenOf(tokens, subject)],
      ['subject_token_type', subjectTokenType ?? TOKEN_TYPE + subject],
      ...(requestedTokenType ? [['requested_token_type', TOKEN_TYPE + requestedTokenType]] : []),
      ...[audience].flat().map((one) => ['audience', one]),
      ...[resource].flat().map((one) => ['resource', one]),
      ...(scope === '' ? [] : [['scope', scope]]),
      ...(actor
        ? [
            ['actor_token', await actorToken(server, rule)],
            ['actor_token_type', `${TOKEN_TYPE}access_token`],
          ]
        : []),
      ...Object.entries(params),
    ] as [string, string][]
  }

  async function byRule(tokens: UpstreamTokens, rule: ProviderRule, scope: string): Promise<ExchangedToken> {
    const known = await metadata()
    if (rule.type === 'on-behalf-of') {
      const params: [string, string][] = [
        ['assertion', tokens.accessToken],
        ['requested_token_use', 'on_behalf_of'],
        ['scope', scope],
      ]
      return ask(known, JWT_BEARER, params, { types: undefined, tokenType: 'bearer' })
    }
    const { tokenEndpoint, requestedTokenType, acceptMissingType = false, client } = rule
    const server = { ...known, ...(tokenEndpoint !== undefined && { token_endpoint: tokenEndpoint }) }
    const kinds = requestedTokenType ? [requestedTokenType] : ['access_token', 'jwt']
    const expected: Expected = {
      types: kinds.map((kind) => TOKEN_TYPE + kind),
      mayLackType: acceptMissingType,
      tokenType: 'bearer',
    }
    return ask(server, TOKEN_EXCHANGE, await exchangeParams(server, tokens, rule, scope), expected, client)
  }

  async function assertion(tokens: UpstreamTokens, request: AssertionRequest): Promise<ExchangedToken> {
    const { subject, audience, resource, scope } = request
    const params: [string, string][] = [
      ['requested_token_type', `${TOKEN_TYPE}id-jag`],
      ['subject_token', tokenOf(tokens, subject)],
      ['subject_token_type', TOKEN_TYPE + subject],
      ['audience', audience],
      ['resource', resource],
      ...(scope === '' ? [] : [['scope', scope] as [string, string]]),
    ]
    const expected: Expected = { types: [`${TOKEN_TYPE}id-jag`], tokenType: 'n_a' }
    return ask(await metadata(), TOKEN_EXCHANGE, params, expected)
  }

  const fail = (error: unknown): never => {
    throw exchangeFailure(error, provider)
  }
  return {
    exchange: (tokens, rule, scope) => byRule(tokens, rule, scope).catch(fail),
    assertion: (tokens, request) => assertion(tokens, request).catch(fail),
  }
}

function tokenOf(tokens: UpstreamTokens, subject: ReturnType<typeof subjectOf>): string {
  const token = {
    access_token: tokens.accessToken,
    id_token: tokens.idToken,
    refresh_token: tokens.refreshToken,
  }[subject]
  if (token === undefined) throw new InvalidResponse(`the sign-in has no ${subject} to exchange`)
  return token
}
