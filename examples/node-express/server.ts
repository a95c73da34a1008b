/** Inside an application that runs on Express already. */
import express from 'express'
import { createProxy } from 'lockgate'
import { toNodeHandler } from 'lockgate/node'
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

const app = express()
app.get('/hello', (_request, response) => void response.send('hello'))
// Before anything that reads bodies, such as express.json().
app.use(toNodeHandler(proxy))
app.listen(Number(env.PORT ?? 8787), '127.0.0.1')
