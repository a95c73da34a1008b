import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Another MCP server with OAuth, listening on this machine. */
export interface Peer {
  /** The address that clients are given. */
  readonly mcp: string
  readonly origin: string
  close(): Promise<void>
}

/** @param make Gets the origin it will be reached at. */
export async function listen(
  make: (origin: string) => RequestListener | Promise<RequestListener>,
): Promise<Peer> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  server.on('request', await make(origin))
  return {
    mcp: `${origin}/mcp`,
    origin,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
