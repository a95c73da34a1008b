import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, connect as dial, type Socket } from 'node:net'
import type { OAuthProxy, ProxyOptions } from 'lockgate'
import { freePort } from '../../support/free-port.ts'
import { connect, type StartedSystem, startSystem } from '../../support/system.ts'

/** A way to serve a proxy over real sockets. */
export interface Carrier {
  readonly name: string
  /** Options that the carrier needs, such as its own `fetch`. */
  readonly options?: Partial<ProxyOptions>
  /** `true` if a server library in front resolves dot segments, and assumes a host if there is none. */
  readonly repairs?: boolean
  /** Serves the proxy at `http://localhost:<port>`. */
  start(proxy: OAuthProxy, port: number): Promise<{ close(): Promise<void> }>
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** A proxy that is served by the carrier under test, in front of an MCP server that a test scripts. */
export interface World {
  readonly system: StartedSystem
  readonly port: number
  /** Sets what the MCP server does with requests to every path but `/raw`. */
  handle(handle: Handle): void
  /** Sets what the MCP server at `/raw` writes, byte for byte, once it has read a request. */
  handleRaw(handle: (socket: Socket, request: string, connection: number) => void): void
  /** Sends a request with the access token of the server at its path. */
  send(path: string, init?: RequestInit & { duplex?: 'half' }): Promise<Response>
  /** Sends bytes, and returns everything that comes back until the connection closes. */
  raw(text: string | Buffer, milliseconds?: number): Promise<string>
  /** Returns an access token for the server at a path. */
  tokenFor(path: string): Promise<string>
  /** The address of the MCP server. */
  readonly inner: string
  close(): Promise<void>
}

/** The servers of the proxy under test. */
export const SERVERS = [
  '/mcp',
  '/mcp/admin',
  '/slash',
  '/upstream',
  '/plain',
  '/raw',
  '/gone',
  '/here',
] as const

const serverOf = (path: string): string =>
  [...SERVERS].sort((a, b) => b.length - a.length).find((own) => path.startsWith(own)) ?? '/mcp'

/** @param more Options of the proxy. `inner` is the address of the MCP server. */
export async function startWorld(
  carrier: Carrier,
  more: Partial<ProxyOptions> | ((inner: string) => Partial<ProxyOptions>) = {},
): Promise<World> {
  let handle: Handle = (_request, response) => response.end('ok')
  let handleRaw: Parameters<World['handleRaw']>[0] = (socket) => socket.destroy()
  const http = createServer((request, response) => handle(request, response))
  http.keepAliveTimeout = 30_000
  let connections = 0
  const tcp = createTcpServer((socket) => {
    const connection = ++connections
    socket.on('error', () => {})
    socket.on('data', (data) => handleRaw(socket, data.toString('latin1'), connection))
  })
  const sockets = new Set<Socket>()
  tcp.on('connection', (socket) => sockets.add(socket))
  await Promise.all(
    [http, tcp].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  )
  const inner = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const rawInner = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`
  const port = await freePort()
  const system = await startSystem({
    url: `http://localhost:${port}`,
    scopes: { mcp: 'Use the tools', admin: 'Administer' },
    mcp: [
      { path: '/mcp', url: `${inner}/inner?key=1&role=user`, scopes: ['mcp'] },
      { path: '/mcp/admin', url: `${inner}/inner/admin`, scopes: ['admin'] },
      { path: '/slash', url: `${inner}/slash/` },
      { path: '/upstream', url: `${inner}/upstream`, forward: 'upstream-token' },
      { path: '/plain', url: `${inner}/plain`, forward: 'nothing' },
      { path: '/raw', url: `${rawInner}/raw` },
      { path: '/gone', url: 'http://127.0.0.1:9/gone' },
      {
        path: '/here',
        handler: (request, auth) => {
          const { pathname } = new URL(request.url)
          if (pathname === '/here/events') return eventsForEver()
          return Response.json({ user: auth.user.id, method: request.method, path: pathname })
        },
      },
    ],
    ...carrier.options,
    ...(typeof more === 'function' ? more(inner) : more),
  })
  const served = await carrier.start(system.proxy, port)
  const tokens = new Map<string, Promise<string>>()
  const tokenFor = (path: string) => {
    const server = serverOf(path)
    let token = tokens.get(server)
    if (!token) {
      const params = { resource: system.url + server, scope: server === '/mcp/admin' ? 'admin' : 'mcp' }
      token = connect(system, { login: 'ada', params }).then((one) => one.tokens.access_token)
      tokens.set(server, token)
    }
    return token
  }
  return {
    system,
    port,
    inner,
    tokenFor,
    handle(next) {
      handle = next
    },
    handleRaw(next) {
      handleRaw = next
    },
    async send(path, init = {}) {
      const authorization = `Bearer ${await tokenFor(path)}`
      const headers = new Headers(init.headers)
      if (!headers.has('authorization')) headers.set('authorization', authorization)
      return fetch(system.url + path, { redirect: 'manual', ...init, headers })
    },
    raw: (text, milliseconds = 3000) => exchange(port, text, milliseconds),
    async close() {
      http.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await Promise.all([served.close(), system.close()])
      await Promise.all([http, tcp].map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

function eventsForEver(): Response {
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('data: 0\n\n')),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** Sends bytes, and returns everything that comes back until the connection closes. */
export async function exchange(port: number, text: string | Buffer, milliseconds: number): Promise<string> {
  const socket = dial(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(text)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

/** A request as the MCP server saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly rawHeaders: string[]
  readonly body: string
}

/** Answers with what the MCP server saw. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url, headers, rawHeaders } = request
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() }))
  })
}

export const seenIn = async (response: Response): Promise<Seen> => (await response.json()) as Seen

/** Waits until `check` returns something. */
export async function until<T>(check: () => T | undefined | false, milliseconds = 5000): Promise<T> {
  for (let waited = 0; waited < milliseconds; waited += 20) {
    const found = check()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nothing within ${milliseconds} ms`)
}
