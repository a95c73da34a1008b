import { DemoInMemoryAuthProvider } from '@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js'
import express from 'express'
import { listen, type Peer } from './listen.ts'

/** The authorization server of the MCP SDK, with its own demonstration of a provider behind it. */
export const startSdkAuthRouter = (): Promise<Peer> =>
  listen((origin) => {
    const provider = new DemoInMemoryAuthProvider()
    const resourceServerUrl = new URL('/mcp', origin)
    const app = express()
    app.use(mcpAuthRouter({ provider, issuerUrl: new URL(origin), resourceServerUrl }))
    const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resourceServerUrl)
    app.all('/mcp', requireBearerAuth({ verifier: provider, resourceMetadataUrl }))
    return app
  })
