import { digest } from '../crypto/digest.ts'
import type { Provider } from '../providers/provider.ts'

/** What one sign-in at the provider is bound to; kept in the browser, sealed. */
export interface UpstreamFlow {
  readonly state: string
  readonly verifier: string
  readonly nonce: string
  /** Scopes to ask for beside those of every sign-in. */
  readonly more?: readonly string[] | undefined
}

/** Parameters that no definition and no setting may change: they are what the sign-in is bound by. */
const BINDING = ['response_type', 'client_id', 'redirect_uri', 'state', 'nonce', 'resource']

/** Where the browser goes to sign in. @param scopes What to ask for. */
export function authorizationUrl(
  provider: Provider,
  endpoint: string,
  { flow, scopes, redirectUri }: { flow: UpstreamFlow; scopes: readonly string[]; redirectUri: string },
): string {
  const { idToken, nonce, responseMode, resource } = provider
  const params: Record<string, string | undefined> = {
    response_type: 'code',
    client_id: provider.clientId,
    redirect_uri: redirectUri,
    state: flow.state,
    ...(provider.sendScope && { [provider.scopeParam]: scopes.join(provider.scopeSeparator) }),
    ...(idToken && nonce && { nonce: flow.nonce }),
    resource,
    response_mode: responseMode,
    ...(provider.offlineConsent && scopes.includes('offline_access') && { prompt: 'consent' }),
    ...(provider.pkce && {
      code_challenge: digest(flow.verifier),
      code_challenge_method: 'S256',
    }),
    ...Object.fromEntries(Object.entries(provider.params).filter(([name]) => !BINDING.includes(name))),
  }
  const url = new URL(endpoint)
  for (const [name, value] of Object.entries(params)) if (value) url.searchParams.set(name, value)
  // Some servers read a plus as a plus; every server reads this as a blank.
  url.search = url.search.replaceAll('+', '%20')
  return url.href
}
