import { oidc } from 'lockgate/providers/oidc'

/** A server in this process that responds as the query says. */
const odd = (request) => {
  const { searchParams } = new URL(request.url)
  return new Response(searchParams.get('body'), { status: Number(searchParams.get('status')) })
}

/**
 * Two nested servers, one of them for another scope, two that are open without a token, and a client that gets tokens
 * without a sign-in.
 */
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
    { path: '/open', url: `${env.BEHIND_URL}/open`, scopes: ['use'], public: { tools: ['search'] } },
    { path: '/odd', handler: odd, scopes: ['use'], public: { tools: ['search'] } },
  ],
  forwardAuth: { proxy: 'caddy', from: ['127.0.0.0/8'] },
  limits: false,
})
