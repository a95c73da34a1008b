/** Among other routes of a server on Bun. */
import { createProxy } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { fs } from 'lockgate/storage/fs'

declare const Bun: { serve(options: object): unknown }

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

Bun.serve({
  port: Number(env.PORT ?? 8787),
  hostname: '127.0.0.1',
  // Bun would cut a stream that was silent for ten seconds.
  idleTimeout: 0,
  routes: { '/hello': new Response('hello'), '/*': proxy.fetch },
})
