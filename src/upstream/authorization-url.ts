import { digest } from '../crypto/digest.ts'
import { withChallenge } from '../protocol/claims-challenge.ts'
import type { Provider } from '../providers/provider.ts'

/** The values that one sign-in at the provider is bound to. The browser keeps them, sealed. */
export interface UpstreamFlow {
  readonly state: string
  readonly verifier: string
  readonly nonce: string
  /** Scopes to request in addition to those of every sign-in. */
  readonly more?: readonly string[] | undefined
  /** `true` for a second round of a sign-in, which the provider demanded. */
  readonly isRepeated?: boolean | undefined
  /** The claims that the provider demanded, as JSON. */
  readonly claims?: string | undefined
}

/** The `prompt` that lets the user choose another account, if the provider has one. */
export const accountPromptOf = ({ accountPrompt, idToken }: Provider): string | undefined =>
  accountPrompt === undefined ? (idToken ? 'login' : undefined) : accountPrompt || undefined

/** Parameters that no definition and no option may change, because they bind the sign-in. */
const BINDING = ['response_type', 'client_id', 'redirect_uri', 'state', 'nonce', 'resource']

/** One sign-in, as the provider is asked for it. */
interface Asked {
  readonly flow: UpstreamFlow
  readonly scopes: readonly string[]
  readonly redirectUri: string
  /** Lets the user choose another account, if the provider can. */
  readonly another: boolean
}

/** Returns the parameters of the authorization request. */
export function authorizationParams(
  provider: Provider,
  { flow, scopes, redirectUri, another }: Asked,
): URLSearchParams {
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
  if (flow.claims !== undefined) params.claims = withChallenge(params.claims, flow.claims)
  if (another) params.prompt = [params.prompt, accountPromptOf(provider)].filter(Boolean).join(' ')
  return new URLSearchParams(
    Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1])),
  )
}

/** Returns the address at which the browser signs in. */
export function authorizationUrl(endpoint: string, params: URLSearchParams): string {
  const url = new URL(endpoint)
  for (const [name, value] of params) url.searchParams.set(name, value)
  // Some servers read a plus as a plus. Every server reads this as a space.
  url.search = url.search.replaceAll('+', '%20')
  return url.href
}
