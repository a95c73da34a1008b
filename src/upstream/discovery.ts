import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch, KeepAlive } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'
import { PROVIDER_UNAVAILABLE } from '../refusals.ts'
import { createSingleFlight } from '../single-flight.ts'
import { ms, seconds } from '../timing.ts'
import { UpstreamUnavailable } from './unavailable.ts'
import { describe } from './upstream-error.ts'

type LibraryFetch = (url: string, options: oauth.CustomFetchOptions<string, unknown>) => Promise<Response>

/** The endpoints of a provider, by its metadata or its definition. */
export interface Server extends oauth.AuthorizationServer {
  /** The endpoint that refreshes tokens, if it is not the token endpoint. */
  readonly refresh_endpoint?: string
}

/**
 * Returns the library's options: our `fetch`, and http only if the operator's own settings use it. A document that came
 * over https cannot lead to http.
 */
export function requestOptions(
  fetch: Fetch,
  provider: Provider,
): { [oauth.customFetch]: LibraryFetch; [oauth.allowInsecureRequests]: boolean } {
  const { issuer, endpoints, discovery } = provider
  const document = typeof discovery === 'object' ? discovery.url : undefined
  return {
    [oauth.customFetch]: (input, init) => fetch(input, init as RequestInit),
    [oauth.allowInsecureRequests]: [issuer, endpoints.token, document].some((url) =>
      url?.startsWith('http://'),
    ),
  }
}

/**
 * Returns a function that gives the provider's metadata: by discovery, or from the definition, whose endpoints take
 * precedence. A document is kept for an hour and fetched once under concurrency. If it is unavailable afterwards, the
 * last valid one stays in use and is fetched again every few seconds.
 *
 * @throws {OAuthError} `temporarily_unavailable` if discovery fails and no document was valid before.
 */
export function createServerMetadata(
  provider: Provider,
  fetch: Fetch,
  now: Clock,
  keepAlive?: KeepAlive,
): () => Promise<Server> {
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
  const fetching = createSingleFlight<Server>({ keepAlive, longest: () => ms.provider + ms.singleFlight })
  let last: Server | undefined
  let until = Number.NEGATIVE_INFINITY
  let failure: { readonly error: unknown } | undefined

  async function fetchDocument(): Promise<Server> {
    try {
      last = { ...(await discover(provider, fetch)), ...given }
      failure = undefined
      until = now() + seconds.discoveryFresh
      return last
    } catch (error) {
      failure = { error }
      until = now() + seconds.discoveryFailed
      if (last === undefined) throw error
      return last
    }
  }

  return async () => {
    if (until <= now()) return fetching.join('document', fetchDocument)
    if (last !== undefined) return last
    throw failure?.error
  }
}

/** Returns the address of the document: that of the definition, or the usual one below the issuer. */
function documentUrl({ discovery, issuer }: Provider): string {
  if (typeof discovery === 'object') return discovery.url
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

async function discover(provider: Provider, fetch: Fetch): Promise<oauth.AuthorizationServer> {
  const url = documentUrl(provider)
  try {
    const request = () => fetch(url, { headers: { accept: 'application/json' } })
    // An idle connection that the provider has just closed says nothing about the provider.
    const response = await request().catch((error: unknown) => {
      if (error instanceof UpstreamUnavailable && error.effect === 'unanswered') return request()
      throw error
    })
    const said: unknown = response.status === 200 ? await response.json() : undefined
    const { issuer } = (said ?? {}) as { issuer?: unknown }
    const adopts = provider.issuerRule.type === 'adopt' && typeof issuer === 'string'
    const expected = adopts ? issuer : provider.issuer
    return await oauth.processDiscoveryResponse(new URL(expected), Response.json(said ?? null))
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause
    const problem = describe(cause).detail
    throw new UpstreamUnavailable(PROVIDER_UNAVAILABLE, {
      effect: 'none',
      again: undefined,
      reason: 'provider-discovery-failed',
      detail: `no usable discovery document at ${url}${problem === undefined ? '' : `: ${problem}`}`,
      cause,
      retryAfter: seconds.providerLater,
    })
  }
}
