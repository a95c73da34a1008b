import { oidc } from 'lockgate/providers/oidc'

/** Two nested servers, one of them for another scope, and a client that gets tokens without a sign-in. */
export const parity = (env) => ({
  url: env.TEST_URL,
  secret: 'a secret of the tests, long enough to be one',
  upstream: oidc({ issuer: 'https://id.example.com', clientId: 'lockgate', clientSecret: 'not needed here' }),
  scopes: { use: 'Use the tools', admin: 'Change the settings' },
  clients: [
    {
      clientId: 'robot',
      clientSecret: 'the secret of a robot',
      redirectUris: [],
      clientCredentials: true,
      scopes: ['use'],
    },
  ],
  mcp: [
    { path: '/mcp', url: `${env.BEHIND_URL}/mcp`, scopes: ['use'] },
    { path: '/mcp/admin', url: `${env.BEHIND_URL}/mcp/admin`, scopes: ['admin'] },
  ],
  limits: false,
})
