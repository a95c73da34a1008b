import { oidc } from 'lockgate/providers/oidc'
import { durableObject } from 'lockgate/storage/durable-object'
import { fromEnv } from 'lockgate/workers'

export { LockgateStore } from 'lockgate/workers'

/** An MCP server that gets the provider's token, so that calls refresh it. */
export default fromEnv((env) => ({
  url: env.TEST_URL,
  secret: 'a secret of the tests, long enough to be one',
  upstream: oidc({
    issuer: env.PROVIDER_ISSUER,
    clientId: env.PROVIDER_CLIENT_ID,
    clientSecret: env.PROVIDER_CLIENT_SECRET,
  }),
  mcp: { path: '/mcp', url: env.MCP_URL, forward: 'upstream-token' },
  storage: durableObject(env.LOCKGATE),
  limits: false,
  revocationLag: 0,
}))
