import {
  Client,
  type OAuthClientProvider,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import type { Walk } from './client-v1.ts'

/** What the client of the MCP SDK 2.x keeps, and the way a user goes. */
export class SignedInClientV2 implements OAuthClientProvider {
  readonly redirectUrl: string = 'http://localhost:33419/callback'
  readonly clientMetadata = {
    client_name: 'MCP SDK 2.x',
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }
  information: StoredOAuthClientInformation | undefined
  saved: StoredOAuthTokens | undefined
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
  saveClientInformation(information: StoredOAuthClientInformation) {
    this.information = information
  }
  tokens() {
    return this.saved
  }
  saveTokens(tokens: StoredOAuthTokens) {
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
export async function connectV2(
  url: string,
  provider: SignedInClientV2,
): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const first = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  try {
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(first)
    return { client, transport: first }
  } catch (error) {
    if (!provider.answer?.searchParams.has('code')) throw error
    // All of the answer: this client checks `iss` itself.
    await first.finishAuth(provider.answer.searchParams)
  }
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport)
  return { client, transport }
}
