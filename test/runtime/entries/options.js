import { oidc } from 'lockgate/providers/oidc'

/** What is the same on every runtime. */
export const options = (env) => ({
  url: env.TEST_URL,
  secret: 'a secret of the tests, long enough to be one',
  upstream: oidc({
    issuer: env.PROVIDER_ISSUER,
    clientId: env.PROVIDER_CLIENT_ID,
    clientSecret: env.PROVIDER_CLIENT_SECRET,
  }),
  mcp: [
    { path: '/mcp', url: env.MCP_URL },
    { path: '/stream', url: env.STREAM_URL },
  ],
  revocationLag: 0,
})
