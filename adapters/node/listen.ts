import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { OAuthProxy } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import { createClose, within } from '../closing.ts'
import { announce, checkTimes, type Served, type ServeOptions } from '../served.ts'
import { awaitContinue } from './body.ts'
import { createConnections } from './connections.ts'
import { createDescriptorCheck } from './descriptors.ts'
import { createHandler, type Handling } from './handler.ts'

/** Settings of {@link serve} on Node. */
export interface NodeServeOptions extends ServeOptions {
  /** Certificate and key as PEM, to speak https without a server in front. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /**
   * Seconds that a connection stays open between two requests. It should be longer than the same time of the load
   * balancer in front, because the side that closes first may cut a request. Load balancers often take 60.
   *
   * @default 75
   */
  readonly keepAlive?: number | undefined
}

/** The parts of a proxy that a server uses. Only `fetch` is required. */
export type Servable = Handling &
  Partial<Pick<OAuthProxy, 'endStreams' | 'drain' | 'settled' | 'report' | 'issuer'>>

/**
 * @throws {Error} If the port is taken.
 * @throws {ConfigError} If a time is out of range.
 */
export async function listen(proxy: Servable, options: NodeServeOptions = {}): Promise<Served> {
  const { port = 8787, hostname = '127.0.0.1', tls, keepAlive = 75, drain = 30, delay = 0 } = options
  checkTimes({ keepAlive, drain, delay })
  const work = new Set<Promise<unknown>>()
  const handle = createHandler(proxy, work)
  const server: Server = tls
    ? createSecureServer({ cert: tls.cert, key: tls.key, handshakeTimeout: ms.requestHead })
    : createServer()
  // Node takes 0 for no end at all.
  server.keepAliveTimeout = Math.max(1, keepAlive * 1000)
  server.headersTimeout = ms.requestHead
  // Bodies and streams may last.
  server.requestTimeout = 0
  const connections = createConnections(server, tls !== undefined)
  const respond = (message: IncomingMessage, outgoing: ServerResponse) => {
    connections.track(outgoing)
    handle(message, outgoing)
  }
  server.on('request', respond)
  server.on('checkContinue', (message, outgoing) => {
    awaitContinue(outgoing)
    respond(message, outgoing)
  })
  // By itself Node refuses every other expectation. No MCP server is told of one.
  server.on('checkExpectation', respond)
  server.on('connect', (message: IncomingMessage, socket: Socket) => refuseTunnel(message, socket, respond))
  const checkDescriptors = createDescriptorCheck((used, limit) =>
    proxy.report?.({ reason: 'descriptors-short', detail: `${used} of ${limit} are in use` }),
  )
  server.on('connection', () => checkDescriptors(connections.size))

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: hostname, backlog: 1024 }, () => {
      server.off('error', reject)
      // Such as EMFILE while it accepts a connection: the others go on.
      server.on('error', (error) => proxy.report?.({ reason: 'accept-failed', error }))
      resolve()
    })
  })

  const close = createClose({
    delay,
    drain,
    announce() {
      proxy.drain?.()
      connections.announceEnd()
    },
    async stop() {
      await connections.drain(() => proxy.endStreams?.())
      await within(drain, Promise.all(work))
    },
    cut() {
      const { open } = connections
      if (open > 0) proxy.report?.({ reason: 'responses-cut', detail: String(open) })
      connections.cut()
    },
    settled: () => proxy.settled?.(),
  })
  const url = urlOf(server, hostname, tls !== undefined)
  announce(proxy, url, options)
  return { url, close }
}

function urlOf(server: Server, hostname: string, isTls: boolean): string {
  const { port } = server.address() as AddressInfo
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return `${isTls ? 'https' : 'http'}://${host}:${port}/`
}

/** CONNECT asks for a tunnel. Node has no response for it, so that one is made here. */
function refuseTunnel(
  message: IncomingMessage,
  socket: Socket,
  respond: (message: IncomingMessage, outgoing: ServerResponse) => void,
): void {
  const outgoing = new ServerResponse(message)
  outgoing.shouldKeepAlive = false
  outgoing.assignSocket(socket)
  outgoing.once('finish', () => socket.end())
  respond(message, outgoing)
}
