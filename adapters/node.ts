import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerRequest } from 'srvx'
import { serve as serveFetch, toNodeHandler as toHandler } from 'srvx/node'
import { Agent, type RequestInit as UndiciInit, fetch as undiciFetch } from 'undici'
import type { Fetch, OAuthProxy } from '../src/index.ts'
import { createStreams } from './streams.ts'

/** A server that listens. */
export interface NodeServer {
  /** Where it listens, such as `http://localhost:8787/`. */
  readonly url: string
  /**
   * Stops accepting, ends the event streams that clients listen on, and waits for answers under way.
   *
   * @param force Cuts them off instead.
   */
  close(force?: boolean): Promise<void>
}

/**
 * Serves a proxy with Node's own HTTP server.
 *
 * @param options.port 8787 by default; 0 takes a free one.
 * @param options.hostname 127.0.0.1 by default: behind a reverse proxy nobody else has to reach it.
 * @param options.tls Certificate and key as PEM, for https without anything in front.
 * @throws {Error} Where the port is taken.
 */
export async function serve(
  proxy: Pick<OAuthProxy, 'fetch'>,
  options: {
    port?: number
    hostname?: string
    tls?: { readonly cert: string; readonly key: string } | undefined
  } = {},
): Promise<NodeServer> {
  const streams = createStreams()
  const server = serveFetch({
    port: options.port ?? 8787,
    hostname: options.hostname ?? '127.0.0.1',
    fetch: async (request) => streams.track(request, await answer(proxy, request)),
    ...(options.tls && { tls: { ...options.tls } }),
    silent: true,
    gracefulShutdown: false,
    // Started below, so that a taken port is an error of ours and not a line on the console.
    manual: true,
    // Streams may last; only a request's headers have to arrive in time.
    node: { headersTimeout: 20_000, requestTimeout: 0 },
  })
  await server.serve()
  return {
    url: server.url ?? '',
    async close(force) {
      streams.end()
      const http = server.node?.server as { closeIdleConnections?(): void } | undefined
      // A connection whose last answer is out stays open, in case that its client has more to ask.
      const tidy = setInterval(() => http?.closeIdleConnections?.(), 50)
      await server.close(force).finally(() => clearInterval(tidy))
    },
  }
}

/**
 * A handler for Node's `http`, Express and whatever else takes `(req, res)`. Mount it before anything that reads
 * bodies, such as `express.json()`.
 */
export function toNodeHandler(
  proxy: Pick<OAuthProxy, 'fetch'>,
): (request: IncomingMessage, response: ServerResponse) => void | Promise<void> {
  const handle = toHandler((request) => answer(proxy, request)) as ReturnType<typeof toNodeHandler>
  return (request, response) => {
    // Express cuts off the path it is mounted at, and the proxy knows itself by its whole path.
    const { originalUrl } = request as IncomingMessage & { originalUrl?: string }
    if (originalUrl !== undefined) request.url = originalUrl
    return handle(request, response)
  }
}

/** Answers, and lets the headers of a stream go at once: Node holds them back until there is a body to send with them. */
async function answer(proxy: Pick<OAuthProxy, 'fetch'>, request: ServerRequest): Promise<Response> {
  const response = await proxy.fetch(native(request), request)
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const outgoing = request.runtime?.node?.res
    // By then srvx has written them.
    setImmediate(() => {
      if (outgoing?.headersSent && 'flushHeaders' in outgoing) outgoing.flushHeaders()
    })
  }
  return response
}

/** Node's own kind of request: an MCP handler may copy it or fetch with it, and srvx's takes neither. */
function native(request: Request): Request {
  const { method, headers, body, signal, url } = request
  const init: RequestInit & { duplex: 'half' } = { method, headers, body, signal, duplex: 'half' }
  try {
    return new Request(url, init)
  } catch {
    // Such as TRACE, which `Request` knows not: refusing it is the proxy's business.
    return request
  }
}

const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

/**
 * A `fetch` that waits as long as the other side: pass as the `fetch` option. Node's own gives up on an answer, or
 * on a stream that is silent, after five minutes, and tools may think longer than that.
 */
export const fetch: Fetch = async (input, init) =>
  // The same interfaces under other names: undici declares its own.
  (await undiciFetch(input, { ...(init as UndiciInit), dispatcher: patient })) as unknown as Response

/** The peer's address as Node saw it: the default of the `clientAddress` option. */
export const clientAddress = (_request: Request, native?: unknown): string | undefined =>
  (native as { ip?: string } | undefined)?.ip
