/**
 * On Cloudflare Workers, with WorkOS AuthKit as the provider, by its User Management API, and every user's grants in a
 * Durable Object.
 */
import { workosUserManagement } from 'lockgate/providers/workos-user-management'
import { durableObject, type ObjectNamespace } from 'lockgate/storage/durable-object'
import { fromEnv } from 'lockgate/workers'

export { LockgateStore } from 'lockgate/workers'

interface Env {
  LOCKGATE: ObjectNamespace
  LOCKGATE_URL: string
  LOCKGATE_SECRET: string
  /** The client id of the WorkOS environment: `client_…` */
  WORKOS_CLIENT_ID: string
  /** The secret key of the same environment: `sk_…` */
  WORKOS_API_KEY: string
  MCP_URL: string
}

export default fromEnv<Env>((env) => ({
  url: env.LOCKGATE_URL,
  secret: env.LOCKGATE_SECRET,
  upstream: workosUserManagement({
    clientId: env.WORKOS_CLIENT_ID,
    clientSecret: env.WORKOS_API_KEY,
  }),
  storage: durableObject(env.LOCKGATE),
  mcp: env.MCP_URL,
}))
