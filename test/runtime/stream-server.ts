import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server behind the proxy that shows how requests and answers travel. */
export interface StreamServer {
  readonly url: string
  /** Waits until the request with this `id` has come. */
  arrived(id: string): Promise<void>
  /** Waits until something of the body of the request with this `id` has come. */
  received(id: string): Promise<void>
  /** Waits until the request with this `id` was cut off by the other side. */
  cut(id: string): Promise<void>
  close(): Promise<void>
}

/** What `/upload` answers. */
export interface Upload {
  readonly bytes: number
  readonly sha256: string
}

type Answer = (query: URLSearchParams, request: IncomingMessage, response: ServerResponse) => Promise<void>

const ANSWERS: Readonly<Record<string, Answer>> = {
  /** `count` events, one every `every` milliseconds. */
  async '/events'(query, _request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let n = 0; n < Number(query.get('count')) && !response.destroyed; n++) {
      if (n > 0) await sleep(Number(query.get('every')))
      response.write(`data: ${n}\n\n`)
    }
    response.end()
  },
  async '/upload'(_query, request, response) {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      request.emit('part')
      bytes += chunk.length
      hash.update(chunk)
    }
    const upload: Upload = { bytes, sha256: hash.digest('hex') }
    response.end(JSON.stringify(upload))
  },
  /** `bytes` of something that no compression shortens. */
  async '/download'(query, _request, response) {
    const bytes = createHash('shake256', { outputLength: Number(query.get('bytes')) })
      .update('seed')
      .digest()
    response.setHeader('x-sha256', createHash('sha256').update(bytes).digest('hex'))
    response.end(bytes)
  },
  async '/status'(query, _request, response) {
    response.writeHead(Number(query.get('code')), { 'x-from': 'behind', 'set-cookie': ['a=1', 'b=2'] }).end()
  },
  async '/headers'(_query, request, response) {
    response.end(JSON.stringify(request.headers))
  },
  /** An MCP server: lists two tools, as JSON or as events, and tells what else it received. */
  async '/rpc'(query, request, response) {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const tools = ['search', 'delete_all'].map((name) => ({ name, inputSchema: { type: 'object' } }))
    const result = text.includes('"tools/list"')
      ? { tools }
      : { text, lengths: request.headers['content-length'] }
    const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result })
    if (query.has('events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`event: message\r\ndata: ${answer}\r\n\r\n`)
    } else response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
  },
  /** The request line and headers, as they arrived. */
  async '/request'(_query, request, response) {
    response.end(JSON.stringify({ url: request.url, headers: request.rawHeaders }))
  },
  /** A server with sessions of its own. */
  async '/session'(_query, request, response) {
    response.setHeader('mcp-session-id', 'inner-session')
    response.end(JSON.stringify({ session: request.headers['mcp-session-id'] ?? null }))
  },
  /** A server that checks scopes itself, and names its own metadata. */
  async '/challenge'(_query, _request, response) {
    const value =
      'Bearer error="insufficient_scope", scope="admin", resource_metadata="http://inner.internal/metadata"'
    response.writeHead(403, { 'www-authenticate': value }).end()
  },
  /** A stream that has nothing to say yet, as MCP servers open it on GET. */
  async '/open'(_query, _request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  },
  /** Never answers. */
  async '/silent'() {},
}

export async function startStreamServer(): Promise<StreamServer> {
  const [here, begun, gone] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const id = searchParams.get('id') ?? ''
    here.add(id)
    request.once('part', () => begun.add(id))
    response.on('close', () => {
      if (!response.writableFinished) gone.add(id)
    })
    const answer = ANSWERS[pathname]
    if (answer) answer(searchParams, request, response).catch(() => response.destroy())
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const seen = async (set: Set<string>, id: string, what: string) => {
    for (let waited = 0; !set.has(id); waited += 20) {
      if (waited > 3000) throw new Error(`the server behind did not see ${what}`)
      await sleep(20)
    }
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    arrived: (id) => seen(here, id, 'the request'),
    received: (id) => seen(begun, id, 'anything of the body'),
    cut: (id) => seen(gone, id, 'that the client has gone'),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
