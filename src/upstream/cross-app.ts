import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { decodeJwt } from 'jose/jwt/decode'
import * as oauth from 'oauth4webapi'
import { parseUrl } from '../http/parse-url.ts'
import type { CrossAppOptions } from '../options/upstream-token.ts'
import type { Clock, Fetch } from '../ports.ts'
import { isAtOrBelow } from '../protocol/resource.ts'
import { exchangeFailed } from '../refusals.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'
import { exchangeFailure } from './exchange-error.ts'
import { type ExchangedToken, readExchange } from './exchange-response.ts'
import { createUpstreamFetch } from './fetch.ts'
import { InvalidResponse } from './refusal.ts'
import { JWT_BEARER, ownClientAuth } from './token-exchange.ts'

/** @see [Identity Assertion Authorization Grant §7.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-identity-assertion-authz-grant) */
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

/** The MCP server behind, and the authorization server that issues tokens for it. */
interface Behind {
  readonly resource: string
  readonly server: oauth.AuthorizationServer
}

/** The client side of another authorization server, which accepts the user's identity from the provider. */
export interface CrossApp {
  /**
   * Gets a token for the MCP server. Each assertion is used once.
   *
   * @param assert Gets an assertion from the provider.
   * @throws {OAuthError} The error of `assert`, `bad_gateway` if the server there refuses, or an
   * {@link UpstreamUnavailable}.
   */
  token(
    scope: string,
    assert: (about: { audience: string; resource: string; scope: string }) => Promise<ExchangedToken>,
  ): Promise<ExchangedToken>
}

/** @param url The address of the MCP server. */
export function createCrossApp(
  url: URL,
  rule: CrossAppOptions,
  ports: { fetch: Fetch; now: Clock },
): CrossApp {
  const { now } = ports
  const fetch = createUpstreamFetch(ports.fetch)
  const discoveries = createSingleFlight<Behind>({ longest: () => 4 * ms.provider })
  const client: oauth.Client = { client_id: rule.client.clientId }
  let known: { readonly behind: Behind; readonly until: number } | undefined

  const get = async (address: string): Promise<Response> =>
    fetch(address, { headers: { accept: 'application/json' } })

  async function discover(): Promise<Behind> {
    const resource = await protectedResource(url, get)
    const issuer = rule.authorizationServer ?? resource.servers[0]
    if (issuer === undefined)
      throw new InvalidResponse('the metadata of the MCP server names no authorization server')
    const server = await authorizationServer(new URL(issuer), get)
    const profiles = server.authorization_grant_profiles_supported
    if (!Array.isArray(profiles) || !profiles.includes(ID_JAG_PROFILE)) {
      throw new InvalidResponse(
        `${issuer} does not accept identity assertions: its metadata lacks ${ID_JAG_PROFILE}`,
      )
    }
    const behind = { resource: resource.id, server }
    known = { behind, until: now() + seconds.discoveryFresh }
    return behind
  }

  const behindOf = async (): Promise<Behind> =>
    known && known.until > now() ? known.behind : discoveries.join('discovery', discover)

  async function redeem(
    { resource, server }: Behind,
    assertion: string,
    scope: string,
  ): Promise<ExchangedToken> {
    const params = new URLSearchParams({ assertion, resource, ...(scope !== '' && { scope }) })
    const auth = ownClientAuth(rule.client, server)
    const response = await oauth.genericTokenEndpointRequest(server, client, auth, JWT_BEARER, params, {
      [oauth.customFetch]: (input: string, init: unknown) => fetch(input, init as RequestInit),
      [oauth.allowInsecureRequests]: server.issuer.startsWith('http://'),
    })
    return readExchange(response, { types: undefined, tokenType: 'bearer' }, { server, client })
  }

  return {
    async token(scope, assert) {
      const behind = await behindOf().catch(fail)
      const audience = behind.server.issuer
      const { token: assertion } = await assert({ audience, resource: behind.resource, scope })
      try {
        assertMeant(assertion, audience, rule.client.clientId)
        return await redeem(behind, assertion, scope)
      } catch (error) {
        return fail(error)
      }
    },
  }
}

/** A refusal is final for this request. It says nothing about the user's sign-in at the provider. */
function fail(error: unknown): never {
  const failure = exchangeFailure(error, { refreshErrors: [] })
  if (failure.code !== 'invalid_grant') throw failure
  const { detail, cause } = failure
  throw exchangeFailed({ reason: 'exchange-misconfigured', detail, cause })
}

/** Checks that an assertion is for that server and client. The server there verifies its signature. */
function assertMeant(assertion: string, audience: string, client: string): void {
  let isMeant = false
  try {
    const { typ } = decodeProtectedHeader(assertion)
    const { aud, client_id: named } = decodeJwt(assertion)
    isMeant = typ === 'oauth-id-jag+jwt' && [aud].flat().join(' ') === audience && named === client
  } catch {
    isMeant = false
  }
  if (!isMeant) throw new InvalidResponse('the identity assertion is for another server or client')
}

/** @see [RFC 9728 §3.3](https://www.rfc-editor.org/rfc/rfc9728#section-3.3) */
async function protectedResource(
  url: URL,
  get: (address: string) => Promise<Response>,
): Promise<{ id: string; servers: readonly string[] }> {
  const path = url.pathname.replace(/\/$/, '')
  const name = '/.well-known/oauth-protected-resource'
  for (const place of path === '' ? [name] : [name + path, name]) {
    const response = await get(url.origin + place)
    if (response.status !== 200) continue
    const { resource, authorization_servers: servers } = (await response.json().catch(() => ({}))) as {
      resource?: unknown
      authorization_servers?: unknown
    }
    // A document that names another server would send the user's assertion elsewhere.
    const own = url.origin + path
    const fits = typeof resource === 'string' && isAtOrBelow(own, resource.replace(/\/$/, ''))
    if (!fits) throw new InvalidResponse(`the metadata at ${place} is about another server`)
    const listed = Array.isArray(servers)
      ? servers.filter((one) => typeof one === 'string' && parseUrl(one))
      : []
    return { id: resource, servers: listed }
  }
  throw new InvalidResponse('the MCP server has no protected-resource metadata')
}

/** @see [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3) */
async function authorizationServer(
  issuer: URL,
  get: (address: string) => Promise<Response>,
): Promise<oauth.AuthorizationServer> {
  const path = issuer.pathname.replace(/\/$/, '')
  const places = [
    `/.well-known/oauth-authorization-server${path}`,
    `/.well-known/openid-configuration${path}`,
    `${path}/.well-known/openid-configuration`,
  ]
  for (const place of places) {
    const response = await get(issuer.origin + place)
    if (response.status !== 200) continue
    return oauth.processDiscoveryResponse(issuer, response)
  }
  throw new InvalidResponse(`${issuer.host} has no authorization-server metadata`)
}
