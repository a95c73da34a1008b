import { asIs, CODE_AND_REFRESH, CURRENT, type Shape } from './shape.ts'

const code = { response_types: ['code'], grant_types: CODE_AND_REFRESH }

/** Clients that run on their vendor's servers: their redirect URIs are web addresses. */
export const HOSTED_SHAPES: readonly Shape[] = [
  {
    client: 'Claude (claude.ai, Desktop, mobile)',
    looks: CURRENT,
    registration: {
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      ...code,
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'mcp',
    },
    registersAgainAfter: 1000,
    redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.ai/api/mcp/auth_callback'],
    scope: 'mcp',
    resource: asIs,
    refresh: 'two at once',
    signsInAgain: true,
  },
  {
    client: 'Claude (claude.com)',
    looks: CURRENT,
    registration: {
      client_name: 'Claude',
      redirect_uris: ['https://claude.com/api/mcp/auth_callback'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['https://claude.com/api/mcp/auth_callback'],
    scope: 'mcp offline_access',
    resource: asIs,
    refresh: 'after a lost answer',
  },
  {
    client: 'ChatGPT (one callback for all, needs iss)',
    looks: ['challenge', 'resource at path', 'server', 'probe openid', 'probe openid appended'],
    registration: {
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    scope: 'mcp',
    resource: (resource) => `${resource}?kb_name=X`,
    redeemsTwice: true,
    refresh: 'once',
  },
  {
    client: 'ChatGPT (a callback per connector)',
    looks: ['challenge', 'resource at path', 'server', 'probe openid'],
    registration: {
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector/oauth/a1B2c3D4e5F6'],
      ...code,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    redirectUris: ['https://chatgpt.com/connector/oauth/a1B2c3D4e5F6'],
    resource: (resource) => `${resource}/`,
    refresh: 'once',
  },
  {
    client: 'Copilot Studio',
    looks: CURRENT,
    registration: {
      client_name: 'Copilot Studio',
      redirect_uris: ['https://global.consent.azure-apim.net/redirect/mcp-5ftool-5f1a2b3c'],
      ...code,
      token_endpoint_auth_method: 'client_secret_post',
    },
    redirectUris: ['https://global.consent.azure-apim.net/redirect/mcp-5ftool-5f1a2b3c'],
    refresh: 'once',
  },
  {
    client: 'Grok',
    looks: CURRENT,
    registration: {
      client_name: 'Grok',
      redirect_uris: [
        'https://grok.com/connectors-oauth-exchange-code/',
        'https://console.x.ai/connectors-oauth-exchange-code/',
      ],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['https://grok.com/connectors-oauth-exchange-code/'],
    resource: asIs,
    refresh: 'once',
  },
  {
    client: 'Antigravity',
    looks: CURRENT,
    registration: {
      client_name: 'Antigravity',
      redirect_uris: ['https://antigravity.google/oauth-callback'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['https://antigravity.google/oauth-callback'],
    resource: asIs,
    refresh: 'once',
  },
  {
    client: 'A portal that redeems codes in the browser',
    looks: CURRENT,
    registration: {
      client_name: 'MCP portal',
      redirect_uris: ['https://portal.example.com/oauth/callback'],
      ...code,
      token_endpoint_auth_method: 'none',
    },
    redirectUris: ['https://portal.example.com/oauth/callback'],
    resource: asIs,
    origin: 'http://localhost:6275',
    refresh: 'once',
  },
]
