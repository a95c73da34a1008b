/** The MCP server of the benchmarks. POST: a small response. GET: an event stream that says something once a second. */
import { createServer } from 'node:http'

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'hello' }] } })
const streams = new Set()
let tick = 0

createServer((request, response) => {
  if (request.method === 'GET') {
    response
      .writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      .flushHeaders()
    streams.add(response)
    response.on('close', () => streams.delete(response))
    return
  }
  request.resume()
  request.on('end', () =>
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body),
  )
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })

// Spread over the second, as independent sessions are.
const SLICES = 20
setInterval(() => {
  tick++
  let index = 0
  for (const response of streams) {
    if (index++ % SLICES !== tick % SLICES) continue
    response.write(
      `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${tick}}}\n\n`,
    )
  }
}, 1000 / SLICES)
