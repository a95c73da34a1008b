/**
 * In front of an MCP server that has a URL, on Deno, with Deno KV:
 *
 *   deno serve --allow-net --allow-env --unstable-kv --host 127.0.0.1 --port 8787 server.ts
 */
import { createProxy } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { denoKv } from 'lockgate/storage/deno-kv'

const { env } = process

export default createProxy({
  url: env.LOCKGATE_URL!,
  secret: env.LOCKGATE_SECRET!,
  upstream: oidc({
    issuer: env.OIDC_ISSUER!,
    clientId: env.OIDC_CLIENT_ID!,
    clientSecret: env.OIDC_CLIENT_SECRET!,
  }),
  storage: denoKv(),
  mcp: env.MCP_URL!,
})
