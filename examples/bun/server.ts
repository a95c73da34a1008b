/** In front of an MCP server that has a URL, on Bun: `bun run server.ts`, which listens on every interface at `PORT`. */
import { createProxy } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { fs } from 'lockgate/storage/fs'

const { env } = process

export default createProxy({
  url: env.LOCKGATE_URL!,
  secret: env.LOCKGATE_SECRET!,
  upstream: oidc({
    issuer: env.OIDC_ISSUER!,
    clientId: env.OIDC_CLIENT_ID!,
    clientSecret: env.OIDC_CLIENT_SECRET!,
  }),
  storage: fs({ base: 'data' }),
  mcp: env.MCP_URL!,
})
