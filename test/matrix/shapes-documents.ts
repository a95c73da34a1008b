import { asIs, CODE_AND_REFRESH, CURRENT, type Shape } from './shape.ts'

const code = { response_types: ['code'], grant_types: CODE_AND_REFRESH }
const documents = ['client documents'] as const

const CLAUDE = {
  client_name: 'Claude',
  client_uri: 'https://claude.ai',
  redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
  ...code,
  token_endpoint_auth_method: 'none',
}
const CLAUDE_CODE = {
  client_name: 'Claude Code',
  client_uri: 'https://claude.ai',
  redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  ...code,
  token_endpoint_auth_method: 'none',
}
const VS_CODE = {
  client_name: 'Visual Studio Code',
  client_uri: 'https://code.visualstudio.com',
  redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
  ...code,
  token_endpoint_auth_method: 'none',
  application_type: 'native',
}
const CHATGPT = {
  client_name: 'ChatGPT',
  redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
  ...code,
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'RS256',
}

/**
 * Clients that publish what they are. Their documents lie on this computer here, under the path they have at home.
 */
export const DOCUMENT_SHAPES: readonly Shape[] = [
  {
    client: 'Claude, by its document',
    looks: CURRENT,
    document: { path: '/oauth/mcp-oauth-client-metadata', content: CLAUDE },
    registration: CLAUDE,
    redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    scope: 'mcp offline_access',
    resource: asIs,
    refresh: 'two at once',
    signsInAgain: true,
    places: documents,
  },
  {
    client: 'Claude Code, by its document',
    looks: CURRENT,
    document: { path: '/oauth/claude-code-client-metadata', content: CLAUDE_CODE },
    registration: CLAUDE_CODE,
    redirectUris: ['http://localhost:54321/callback', 'http://127.0.0.1:54322/callback'],
    scope: 'mcp offline_access',
    resource: asIs,
    extra: { prompt: 'consent' },
    refresh: 'two at once',
    revokes: true,
    signsInAgain: true,
    places: documents,
  },
  {
    client: 'VS Code, by its document',
    looks: CURRENT,
    document: { path: '/oauth/client-metadata.json', content: VS_CODE },
    registration: VS_CODE,
    redirectUris: ['http://127.0.0.1:50199/', 'https://vscode.dev/redirect'],
    resource: asIs,
    refresh: 'once',
    signsInAgain: true,
    places: documents,
  },
  {
    client: 'ChatGPT, by its document, signing',
    looks: CURRENT,
    document: { path: '/oauth/client.json', content: CHATGPT },
    registration: CHATGPT,
    redirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    scope: 'mcp',
    resource: (resource) => `${resource}?kb_name=X`,
    refresh: 'once',
    places: documents,
  },
]
