import { asIs, CODE_AND_REFRESH, CURRENT, type Shape } from './shape.ts'

const code = { response_types: ['code'], grant_types: CODE_AND_REFRESH }

const VS_CODE = {
  client_name: 'Visual Studio Code',
  client_uri: 'https://code.visualstudio.com',
  redirect_uris: [
    'https://insiders.vscode.dev/redirect',
    'https://vscode.dev/redirect',
    'http://127.0.0.1/',
    'http://127.0.0.1:33418/',
  ],
  ...code,
  token_endpoint_auth_method: 'none',
  application_type: 'native',
}

const CURSOR = {
  client_name: 'Cursor',
  redirect_uris: [
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'https://www.cursor.com/agents/mcp/oauth/callback',
    'http://localhost:8787/callback',
  ],
  ...code,
  token_endpoint_auth_method: 'none',
}

/** Editors: one registration with web, loopback and own-scheme redirect URIs side by side. */
export const EDITOR_SHAPES: readonly Shape[] = [
  {
    client: 'VS Code (loopback)',
    looks: ['challenge', 'resource at path', 'server', 'probe openid'],
    registration: VS_CODE,
    redirectUris: ['http://127.0.0.1:33418/', 'http://127.0.0.1:50123/'],
    scope: 'mcp',
    resource: asIs,
    refresh: 'once',
    signsInAgain: true,
  },
  {
    client: 'VS Code (vscode.dev)',
    looks: CURRENT,
    registration: VS_CODE,
    redirectUris: ['https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect'],
    resource: asIs,
    extra: { prompt: 'consent' },
    refresh: 'once',
    signsInAgain: true,
  },
  {
    client: 'Cursor (own scheme)',
    looks: CURRENT,
    registration: CURSOR,
    redirectUris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
    resource: asIs,
    refresh: 'once',
  },
  {
    client: 'Cursor (agents)',
    looks: CURRENT,
    registration: CURSOR,
    redirectUris: ['https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8788/callback'],
    resource: asIs,
    refresh: 'once',
    signsInAgain: true,
  },
  {
    client: 'Cursor (older)',
    looks: ['resource at path', 'server', 'probe openid'],
    registration: {
      client_name: 'Cursor',
      redirect_uris: ['cursor://anysphere.cursor-retrieval/oauth/user-mcp/callback'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['cursor://anysphere.cursor-retrieval/oauth/user-mcp/callback'],
    refresh: 'once',
  },
  {
    client: 'MCP Inspector (browser)',
    looks: ['resource at path', 'server', 'challenge'],
    registration: {
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      redirect_uris: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
      ...code,
      token_endpoint_auth_method: 'none',
      scope: '',
    },
    redirectUris: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
    resource: asIs,
    origin: 'http://localhost:6274',
    refresh: 'once',
    signsInAgain: true,
  },
]
