import { asIs, CODE_AND_REFRESH, CURRENT, type Shape } from './shape.ts'

/** What the MCP SDKs do by themselves, on which most other clients are built. */
export const SDK_SHAPES: readonly Shape[] = [
  {
    client: 'An SDK with the least metadata',
    looks: CURRENT,
    registration: { redirect_uris: ['http://localhost:9999/callback'] },
    redirectUris: ['http://localhost:9999/callback'],
    resource: asIs,
    refresh: 'never',
  },
  {
    client: 'An SDK that asks for offline_access',
    looks: CURRENT,
    registration: {
      client_name: 'SDK 2.x',
      redirect_uris: ['http://127.0.0.1:9998/callback'],
      grant_types: CODE_AND_REFRESH,
      application_type: 'native',
    },
    redirectUris: ['http://127.0.0.1:9998/callback'],
    scope: 'mcp offline_access',
    resource: asIs,
    extra: { prompt: 'consent' },
    leavesOutRedirectUri: true,
    refresh: 'once',
  },
  {
    client: 'An SDK that adds a slash to the origin',
    looks: CURRENT,
    registration: {
      redirect_uris: ['http://localhost:9997/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: CODE_AND_REFRESH,
    },
    redirectUris: ['http://localhost:9997/callback'],
    resource: (resource) => new URL(resource).href,
    refresh: 'once',
    places: ['resource at the root'],
  },
  {
    client: 'A client of 2025-03-26',
    looks: ['challenge', 'server'],
    registration: {
      client_name: 'Of 2025-03-26',
      redirect_uris: ['http://localhost:9996/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: CODE_AND_REFRESH,
    },
    redirectUris: ['http://localhost:9996/callback'],
    refresh: 'once',
    places: ['origin'],
  },
]
