import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'

/** Takes a browser from the authorization URL to the client's redirect URI. */
export type Walk = (authorizationUrl: URL) => Promise<URL>

/** What the client of the MCP SDK 1.x keeps, and the way a user goes. */
export class SignedInClient implements OAuthClientProvider {
  readonly redirectUrl: string = 'http://127.0.0.1:33418/callback'
  readonly clientMetadata = {
    client_name: 'MCP SDK 1.x',
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
  information: OAuthClientInformationMixed | undefined
  saved: OAuthTokens | undefined
  /** Where the browser ended. */
  answer: URL | undefined
  authorizations = 0
  #verifier = ''
  readonly #walk: Walk

  constructor(walk: Walk) {
    this.#walk = walk
  }

  clientInformation() {
    return this.information
  }
  saveClientInformation(information: OAuthClientInformationMixed) {
    this.information = information
  }
  tokens() {
    return this.saved
  }
  saveTokens(tokens: OAuthTokens) {
    this.saved = tokens
  }
  state() {
    return crypto.randomUUID()
  }
  async redirectToAuthorization(url: URL) {
    this.authorizations++
    this.answer = await this.#walk(url)
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier
  }
  codeVerifier() {
    return this.#verifier
  }
  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery') {
    if (scope === 'all' || scope === 'tokens') this.saved = undefined
    if (scope === 'all' || scope === 'client') this.information = undefined
  }
}

/** Connects; where that asks for a sign-in, goes through with it and connects again. */
export async function connectV1(
  url: string,
  provider: SignedInClient,
): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const first = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  try {
    await client.connect(first)
    return { client, transport: first }
  } catch (error) {
    const code = provider.answer?.searchParams.get('code')
    if (!code) throw error
    await first.finishAuth(code)
  }
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  const signedIn = new Client({ name: 'test', version: '1.0.0' })
  await signedIn.connect(transport)
  return { client: signedIn, transport }
}
