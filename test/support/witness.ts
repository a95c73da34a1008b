import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server in front of another one that writes down every body which reaches it. */
export interface Witness {
  readonly url: string
  readonly bodies: string[]
  close(): Promise<void>
}

const listen = async (handle: (message: IncomingMessage, outgoing: ServerResponse) => void) => {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const bodyOf = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Starts a witness in front of a server. */
export async function startWitness(target: string): Promise<Witness> {
  const bodies: string[] = []
  const { hostname, port, pathname } = new URL(target)
  const { origin, close } = await listen(async (message, outgoing) => {
    const body = await bodyOf(message)
    if (message.method === 'POST') bodies.push(body)
    const { method, url: path, headers } = message
    const sent = request({ hostname, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers).flushHeaders()
      answer.pipe(outgoing)
    })
    sent.on('error', () => outgoing.destroy())
    outgoing.on('close', () => sent.destroy())
    sent.end(body)
  })
  return { url: origin + pathname, bodies, close }
}

/** A server as FastMCP is one: it redirects to its path with a slash, takes batches, and sends events. */
export async function startFastServer(tools: readonly string[]): Promise<Witness> {
  const bodies: string[] = []
  interface Message {
    readonly id?: number
    readonly method: string
    readonly params?: { readonly name?: string; readonly protocolVersion?: string }
  }
  const resultOf = ({ method, params }: Message): object => {
    if (method === 'initialize') {
      return {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'fast', version: '1' },
      }
    }
    if (method === 'tools/list') {
      return { tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) }
    }
    return { content: [{ type: 'text', text: `ran ${params?.name}` }] }
  }
  const { origin, close } = await listen(async (message, outgoing) => {
    if (message.url === '/mcp') {
      message.resume()
      outgoing.writeHead(307, { location: '/mcp/' }).end()
      return
    }
    if (message.method !== 'POST') {
      outgoing.writeHead(405).end()
      return
    }
    const body = await bodyOf(message)
    bodies.push(body)
    const parsed = JSON.parse(body) as Message | Message[]
    const requests = [parsed].flat().filter(({ id }) => id !== undefined)
    if (requests.length === 0) {
      outgoing.writeHead(202).end()
      return
    }
    const answers = requests.map((one) => ({ jsonrpc: '2.0', id: one.id, result: resultOf(one) }))
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const answer of answers) outgoing.write(`event: message\r\ndata: ${JSON.stringify(answer)}\r\n\r\n`)
    outgoing.end()
  })
  return { url: `${origin}/mcp`, bodies, close }
}
