import { serve } from 'lockgate/node'
import { freePort } from '../support/free-port.ts'
import { startMcpServer } from '../support/mcp-server.ts'
import { type System, startSystem } from '../support/system.ts'

/** A server with one public tool, `get-sum`. */
export interface PublicGate {
  /** Of a server whose other tools need a sign-in. */
  readonly mcp: string
  /** Of a server where `echo` needs a scope, too. */
  readonly scoped: string
  readonly system: System
  /** Every call of a tool, as `tool, by whom, status`, and every sign-in, in order. */
  trace(): string[]
  close(): Promise<void>
}

export async function startPublicGate(): Promise<PublicGate> {
  const behind = await startMcpServer()
  const port = await freePort()
  const open = { url: behind.url, audit: true, public: { tools: ['get-sum'] } }
  const system = await startSystem({
    url: `http://localhost:${port}`,
    scopes: { base: { description: 'Use', default: true }, talk: 'Talk' },
    mcp: [
      { path: '/mcp', ...open, scopes: ['base'] },
      { path: '/scoped', ...open, scopes: ['base'], tools: { echo: 'talk' } },
    ],
  })
  const server = await serve(system.proxy, { port })
  return {
    mcp: `${system.url}/mcp`,
    scoped: `${system.url}/scoped`,
    system,
    trace: () =>
      system.events.splice(0).flatMap((event) => {
        if (event.type === 'issued') return ['signed in']
        const tool = event.type === 'called' && (event.tool ?? event.method)
        return tool && !tool.startsWith('notifications/')
          ? [`${tool} ${event.user === undefined ? 'without a token' : 'with a token'} ${event.status}`]
          : []
      }),
    async close() {
      await server.close(true)
      await Promise.all([behind.close(), system.close()])
    },
  }
}
