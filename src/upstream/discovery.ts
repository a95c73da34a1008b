import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'
import { seconds } from '../timing.ts'
import { UpstreamUnavailable } from './unavailable.ts'

type LibraryFetch = (url: string, options: oauth.CustomFetchOptions<string, unknown>) => Promise<Response>

/** The endpoints of a provider, as its metadata or its definition names them. */
export interface Server extends oauth.AuthorizationServer {
  /** Where tokens are refreshed, if not at the token endpoint. */
  readonly refresh_endpoint?: string
}

/**
 * Options with which the library calls out: our `fetch`, and http only where the operator’s own settings say so. A
 * document that came over https cannot lead to http.
 */
export function requestOptions(
  fetch: Fetch,
  provider: Provider,
): { [oauth.customFetch]: LibraryFetch; [oauth.allowInsecureRequests]: boolean } {
  const { issuer, endpoints } = provider
  return {
    [oauth.customFetch]: (input, init) => fetch(input, init as RequestInit),
    [oauth.allowInsecureRequests]: [issuer, endpoints.token].some((url) => url?.startsWith('http://')),
  }
}

/**
 * The provider's metadata: by discovery, kept for an hour and fetched once under concurrency, or from its
 * definition. What the definition gives wins.
 *
 * @throws {OAuthError} `temporarily_unavailable` where discovery fails.
 */
export function createServerMetadata(provider: Provider, fetch: Fetch, now: Clock): () => Promise<Server> {
  const { authorization, token, refresh, revocation, userinfo, jwks } = provider.endpoints
  const given = {
    ...(authorization && { authorization_endpoint: authorization }),
    ...(token && { token_endpoint: token }),
    ...(refresh && { refresh_endpoint: refresh }),
    ...(revocation && { revocation_endpoint: revocation }),
    ...(userinfo && { userinfo_endpoint: userinfo }),
    ...(jwks && { jwks_uri: jwks }),
  }
  if (!provider.discovery) {
    const server = { issuer: provider.issuer, ...given }
    return () => Promise.resolve(server)
  }
  let known: { answer: Promise<Server>; until: number } | undefined
  return () => {
    if (known && known.until > now()) return known.answer
    const answer = discover(provider, fetch).then((server) => ({ ...server, ...given }))
    const entry = { answer, until: now() + seconds.discoveryFresh }
    known = entry
    answer.catch(() => {
      entry.until = now() + seconds.discoveryFailed
    })
    return answer
  }
}

/** Where the document lies: said by the definition, or after the path of the issuer. */
function documentUrl({ discovery, issuer }: Provider): string {
  if (typeof discovery === 'object') return discovery.url
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

async function discover(provider: Provider, fetch: Fetch): Promise<oauth.AuthorizationServer> {
  const url = documentUrl(provider)
  try {
    const response = await fetch(url, { headers: { accept: 'application/json' } })
    const said: unknown = response.status === 200 ? await response.json() : undefined
    const { issuer } = (said ?? {}) as { issuer?: unknown }
    const adopts = provider.issuerRule.type === 'adopt' && typeof issuer === 'string'
    const expected = adopts ? issuer : provider.issuer
    return await oauth.processDiscoveryResponse(new URL(expected), Response.json(said ?? null))
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause
    throw new UpstreamUnavailable('The identity provider cannot be reached at the moment', {
      effect: 'none',
      again: undefined,
      reason: 'provider-discovery',
      detail: `no usable discovery document of ${provider.issuer}`,
      cause,
      retryAfter: seconds.providerLater,
    })
  }
}
