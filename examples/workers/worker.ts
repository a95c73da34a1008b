/** On Cloudflare Workers, with WorkOS as the provider and every user's grants in a Durable Object. */
import { oidc } from 'lockgate/providers/oidc'
import { durableObject, type ObjectNamespace } from 'lockgate/storage/durable-object'
import { fromEnv } from 'lockgate/workers'

export { LockgateStore } from 'lockgate/workers'

interface Env {
  LOCKGATE: ObjectNamespace
  LOCKGATE_URL: string
  LOCKGATE_SECRET: string
  /** `https://<subdomain>.authkit.app` */
  OIDC_ISSUER: string
  OIDC_CLIENT_ID: string
  OIDC_CLIENT_SECRET: string
  MCP_URL: string
}

export default fromEnv<Env>((env) => ({
  url: env.LOCKGATE_URL,
  secret: env.LOCKGATE_SECRET,
  upstream: oidc({
    issuer: env.OIDC_ISSUER,
    clientId: env.OIDC_CLIENT_ID,
    clientSecret: env.OIDC_CLIENT_SECRET,
    name: 'WorkOS',
  }),
  storage: durableObject(env.LOCKGATE),
  mcp: env.MCP_URL,
}))
