import express from 'express'
import Provider from 'oidc-provider'
import { listen, type Peer } from './listen.ts'

/** An OpenID Connect provider that lets clients register, with an MCP endpoint beside it that asks for its tokens. */
export const startOidcProvider = (): Promise<Peer> =>
  listen((origin) => {
    const provider = new Provider(origin, {
      features: { registration: { enabled: true }, registrationManagement: { enabled: true } },
      pkce: { required: () => true },
      scopes: ['openid', 'offline_access'],
    })
    const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`
    const app = express()
    app.get('/.well-known/oauth-protected-resource/mcp', (_request, response) => {
      response.json({ resource: `${origin}/mcp`, authorization_servers: [origin] })
    })
    app.all('/mcp', (_request, response) => {
      response.status(401).set('www-authenticate', `Bearer resource_metadata="${metadata}"`).end()
    })
    app.use(provider.callback())
    return app
  })
