/**
 * Several processes that share one Redis: start it as often as you like, each with a `PORT` of its own, behind one load
 * balancer at `LOCKGATE_URL`. Any of them answers any request.
 */
import { createProxy } from 'lockgate'
import { serve, stopOnSignals } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { redis } from 'lockgate/storage/redis'

const { env } = process

const proxy = createProxy({
  url: env.LOCKGATE_URL!,
  secret: env.LOCKGATE_SECRET!,
  upstream: oidc({
    issuer: env.OIDC_ISSUER!,
    clientId: env.OIDC_CLIENT_ID!,
    clientSecret: env.OIDC_CLIENT_SECRET!,
  }),
  storage: redis({ url: env.REDIS_URL! }),
  mcp: env.MCP_URL!,
})

stopOnSignals(await serve(proxy, { port: Number(env.PORT ?? 8787) }))
