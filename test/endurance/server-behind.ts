import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How many events a stream has. */
export const EVENTS = 20

/** What stands for the MCP server: says for whom a request came, or streams events where that is asked for. */
export async function startServerBehind(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const user = String(request.headers['x-lockgate-user-id'])
    request.resume()
    if (!request.headers.accept?.includes('text/event-stream')) {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ user }))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let count = 0
    const timer = setInterval(() => {
      response.write(`data: ${user} ${count}\n\n`)
      count++
      if (count === EVENTS) response.end()
    }, 20)
    response.on('close', () => clearInterval(timer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
