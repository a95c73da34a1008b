import * as oauth from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import type { Clock, Fetch } from '../ports.ts'
import type { Provider } from '../providers/provider.ts'

/** How long a discovery document is used, and how long a failure to get it is remembered, in seconds. */
const KEEP = 60 * 60
const RETRY = 5

type LibraryFetch = (url: string, options: oauth.CustomFetchOptions<string, unknown>) => Promise<Response>

/** Options with which the library calls out: our `fetch`, and http where the provider is on this machine. */
export function requestOptions(
  fetch: Fetch,
  url: string,
): { [oauth.customFetch]: LibraryFetch; [oauth.allowInsecureRequests]: boolean } {
  return {
    [oauth.customFetch]: (input, init) => fetch(input, init as RequestInit),
    [oauth.allowInsecureRequests]: url.startsWith('http://'),
  }
}

/**
 * The provider's metadata: by discovery, kept for an hour and fetched once under concurrency, or from its
 * definition. What the definition gives wins.
 *
 * @throws {OAuthError} `temporarily_unavailable` where discovery fails.
 */
export function createServerMetadata(
  provider: Provider,
  fetch: Fetch,
  now: Clock,
): () => Promise<oauth.AuthorizationServer> {
  const { authorization, token, revocation, userinfo, jwks } = provider.endpoints
  const given = {
    ...(authorization && { authorization_endpoint: authorization }),
    ...(token && { token_endpoint: token }),
    ...(revocation && { revocation_endpoint: revocation }),
    ...(userinfo && { userinfo_endpoint: userinfo }),
    ...(jwks && { jwks_uri: jwks }),
  }
  if (!provider.discovery) {
    const server = { issuer: provider.issuer, ...given }
    return () => Promise.resolve(server)
  }
  let known: { answer: Promise<oauth.AuthorizationServer>; until: number } | undefined
  return () => {
    if (known && known.until > now()) return known.answer
    const answer = discover(provider.issuer, fetch).then((server) => ({ ...server, ...given }))
    const entry = { answer, until: now() + KEEP }
    known = entry
    answer.catch(() => {
      entry.until = now() + RETRY
    })
    return answer
  }
}

async function discover(issuer: string, fetch: Fetch): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  const options = { algorithm: 'oidc', ...requestOptions(fetch, issuer) } as const
  try {
    return await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options))
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause
    throw new OAuthError('temporarily_unavailable', 'The identity provider cannot be reached at the moment', {
      reason: `no usable discovery document of ${issuer}; its issuer must be spelled exactly so`,
      cause,
      retryAfter: RETRY,
    })
  }
}
