/** A proxy that checks nothing: `node:http` in, `http.request` out. */
import { Agent, createServer, request as send } from 'node:http'

const { hostname, port } = new URL(process.env.MCP_URL)
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

createServer((request, response) => {
  const { method, url: path, headers } = request
  const out = send({ agent, hostname, port, path, method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    response.flushHeaders()
    answer.pipe(response)
  })
  out.on('error', () => response.destroy())
  request.pipe(out)
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })
