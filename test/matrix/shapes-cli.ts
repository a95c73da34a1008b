import { asIs, CODE_AND_REFRESH, CURRENT, type Shape } from './shape.ts'

const code = { response_types: ['code'], grant_types: CODE_AND_REFRESH }

/** Programs on the user's computer: loopback redirect URIs, on whatever port is free. */
export const CLI_SHAPES: readonly Shape[] = [
  {
    client: 'Claude Code',
    looks: CURRENT,
    registration: {
      client_name: 'Claude Code (proxy)',
      redirect_uris: ['http://localhost:54545/callback'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['http://localhost:54545/callback', 'http://localhost:61234/callback'],
    scope: 'mcp offline_access',
    resource: asIs,
    extra: { prompt: 'consent' },
    refresh: 'two at once',
    revokes: true,
    signsInAgain: true,
  },
  {
    client: 'Codex',
    looks: CURRENT,
    registration: {
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1:63546/callback/6MFBM1In3Ey'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['http://127.0.0.1:63546/callback/6MFBM1In3Ey'],
    scope: 'openid profile email offline_access',
    resource: asIs,
    refresh: 'once',
  },
  {
    client: 'Codex (localhost for 127.0.0.1)',
    looks: CURRENT,
    registration: {
      client_name: 'Codex',
      redirect_uris: ['http://127.0.0.1:63547/callback/6MFBM1In3Ey'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['http://localhost:63547/callback/6MFBM1In3Ey'],
    scope: 'openid profile email offline_access',
    resource: asIs,
    refresh: 'never',
    places: ['loopback aliases'],
  },
  {
    client: 'Gemini CLI',
    looks: ['resource at root', 'challenge', 'resource at path', 'server', 'probe openid', 'server'],
    registration: {
      client_name: 'Gemini CLI MCP Client',
      redirect_uris: ['http://localhost:7777/oauth/callback'],
      ...code,
      token_endpoint_auth_method: 'none',
      code_challenge_method: ['S256'],
      scope: '',
    },
    redirectUris: ['http://localhost:7777/oauth/callback'],
    resource: asIs,
    refresh: 'once',
  },
  {
    client: 'mcp-remote (no resource)',
    looks: ['probe server appended', 'probe resource appended', 'resource at path', 'server'],
    registration: {
      client_name: 'MCP CLI Proxy',
      client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      ...code,
      token_endpoint_auth_method: 'none',
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '0.1.0',
    },
    redirectUris: ['http://localhost:3334/oauth/callback', 'http://localhost:19000/oauth/callback'],
    scope: 'openid email profile',
    refresh: 'after a lost answer',
    signsInAgain: true,
  },
  {
    client: 'OpenCode',
    looks: CURRENT,
    registration: {
      client_name: 'OpenCode',
      client_uri: 'https://opencode.ai',
      redirect_uris: ['http://127.0.0.1:19876/mcp/oauth/callback'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['http://127.0.0.1:19876/mcp/oauth/callback'],
    resource: asIs,
    refresh: 'once',
  },
]
