/** On Cloudflare Workers, with the MCP server in the same Worker. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { McpHandler } from 'lockgate'
import { oidc } from 'lockgate/providers/oidc'
import { durableObject, type ObjectNamespace } from 'lockgate/storage/durable-object'
import { fromEnv } from 'lockgate/workers'

export { LockgateStore } from 'lockgate/workers'

interface Env {
  LOCKGATE: ObjectNamespace
  LOCKGATE_URL: string
  LOCKGATE_SECRET: string
  OIDC_ISSUER: string
  OIDC_CLIENT_ID: string
  OIDC_CLIENT_SECRET: string
}

const mcp: McpHandler = async (request, auth) => {
  const server = new McpServer({ name: 'who', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, () => ({
    content: [{ type: 'text', text: auth.user.email ?? auth.user.id }],
  }))
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  await server.connect(transport)
  return transport.handleRequest(request, { authInfo: auth })
}

export default fromEnv<Env>((env) => ({
  url: env.LOCKGATE_URL,
  secret: env.LOCKGATE_SECRET,
  upstream: oidc({
    issuer: env.OIDC_ISSUER,
    clientId: env.OIDC_CLIENT_ID,
    clientSecret: env.OIDC_CLIENT_SECRET,
  }),
  storage: durableObject(env.LOCKGATE),
  mcp,
}))
