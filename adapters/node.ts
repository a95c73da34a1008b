import type { IncomingMessage, ServerResponse } from 'node:http'
import { serve as serveFetch, toNodeHandler as toHandler } from 'srvx/node'
import type { OAuthProxy } from '../src/index.ts'

/** A server that listens. */
export interface NodeServer {
  /** Where it listens, such as `http://localhost:8787/`. */
  readonly url: string
  /** Stops accepting, and waits for answers under way. @param force Cuts them off instead. */
  close(force?: boolean): Promise<void>
}

/**
 * Serves a proxy with Node's own HTTP server.
 *
 * @param options.port 8787 by default; 0 takes a free one.
 * @param options.hostname 127.0.0.1 by default: behind a reverse proxy nobody else has to reach it.
 * @throws {Error} Where the port is taken.
 */
export async function serve(
  proxy: Pick<OAuthProxy, 'fetch'>,
  options: { port?: number; hostname?: string } = {},
): Promise<NodeServer> {
  const server = serveFetch({
    port: options.port ?? 8787,
    hostname: options.hostname ?? '127.0.0.1',
    fetch: (request) => proxy.fetch(request),
    silent: true,
    gracefulShutdown: false,
    // Started below, so that a taken port is an error of ours and not a line on the console.
    manual: true,
    // Streams may last; only a request's headers have to arrive in time.
    node: { headersTimeout: 20_000, requestTimeout: 0 },
  })
  await server.serve()
  return { url: server.url ?? '', close: (force) => server.close(force) }
}

/** A handler for Node's `http`, Express and whatever else takes `(req, res)`. */
export function toNodeHandler(
  proxy: Pick<OAuthProxy, 'fetch'>,
): (request: IncomingMessage, response: ServerResponse) => void | Promise<void> {
  return toHandler((request) => proxy.fetch(request)) as ReturnType<typeof toNodeHandler>
}

/** The peer's address as Node saw it: pass as the `clientAddress` of whatever asks for one. */
export const clientAddress = (request: Request & { ip?: string }): string | undefined => request.ip
