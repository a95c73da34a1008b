/**
 * A real OpenID Connect provider, a real MCP server, and the proxy between them, all on this machine and in memory.
 *
 *   npm run demo              starts all three and says what to open
 *   npm run demo -- --check   signs in with the client of the MCP SDK, step by step, and ends with 0 or 1
 */
import { createProxy } from 'lockgate'
import { serve } from 'lockgate/node'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { freePort } from '../../test/support/free-port.ts'
import { startMcpServer } from '../../test/support/mcp-server.ts'
import { startProvider } from '../../test/support/provider.ts'
import { check } from './check.ts'

const checks = process.argv.includes('--check')
const port = checks ? await freePort() : Number(process.env.PORT ?? 8787)
const url = `http://localhost:${port}`

const provider = await startProvider({ redirectUris: [`${url}/callback`] })
const mcp = await startMcpServer()
const proxy = createProxy({
  url,
  name: 'Lockgate demo',
  secret: crypto.randomUUID() + crypto.randomUUID(),
  upstream: oidc({ ...provider, name: 'the demo provider' }),
  storage: memory(),
  mcp: mcp.url,
  on: {
    event: ({ type, code, reason }) =>
      checks || console.log(['·', type, code, reason].filter(Boolean).join(' ')),
  },
})
const server = await serve(proxy, { port })

async function stop(code: number): Promise<never> {
  await Promise.all([server.close(true), mcp.close(), provider.close()])
  process.exit(code)
}

if (checks) {
  const ok = await check(`${url}/mcp`, provider.issuer)
  await stop(ok ? 0 : 1)
}

console.log(`Lockgate demo

  Provider (any login, any password)   ${provider.issuer}
  MCP server, unprotected              ${mcp.url}
  The same behind Lockgate             ${url}/mcp

Paste the last address into an MCP client, for example

  claude mcp add --transport http demo ${url}/mcp
  npx @modelcontextprotocol/inspector --cli ${url}/mcp --transport http --method tools/list

or open ${url} in a browser. Ctrl-C ends everything.
`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(0))
