/** In front of an MCP server that has a URL, on Node: `npx tsx server.ts`. */
import { createProxy } from 'lockgate'
import { serve, stopOnSignals } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { fs } from 'lockgate/storage/fs'

const { env } = process

const proxy = createProxy({
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

stopOnSignals(await serve(proxy, { port: Number(env.PORT ?? 8787) }))
