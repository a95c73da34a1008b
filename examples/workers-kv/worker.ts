/**
 * On Cloudflare Workers, with a Connect application of WorkOS as the provider and grants in Workers KV. There a revocation
 * may take a minute to be known everywhere.
 */
import { oidc } from 'lockgate/providers/oidc'
import { cloudflareKv, type KvNamespace } from 'lockgate/storage/cloudflare-kv'
import { fromEnv } from 'lockgate/workers'

interface Env {
  LOCKGATE: KvNamespace
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
  storage: cloudflareKv(env.LOCKGATE),
  mcp: env.MCP_URL,
}))
