/** `node:http` that reads a body and sends the same response as the handler behind Lockgate. */
import { createServer } from 'node:http'

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'hello' }] } })

createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    Buffer.concat(chunks).toString()
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })
