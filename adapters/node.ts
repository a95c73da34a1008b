import type { IncomingMessage, ServerResponse } from 'node:http'
import { type RequestInit as UndiciInit, fetch as undiciFetch } from 'undici'
import type { Fetch } from '../src/index.ts'
import { StatedError } from '../src/internal.ts'
import { createHandler, type Handling } from './node/handler.ts'
import { listen, type NodeServeOptions, type Servable } from './node/listen.ts'
import { patient } from './node/patient.ts'
import type { Served } from './served.ts'

export type { NodeServeOptions } from './node/listen.ts'
export type { Served } from './served.ts'
export { stopOnSignals } from './signals.ts'

/** @deprecated Use {@link Served}. */
export type NodeServer = Served

/**
 * Serves a proxy with Node's own HTTP server. Requests to MCP servers are forwarded as streams, without a copy as
 * `Request` or `Response`.
 *
 * @throws {Error} If the port is taken.
 * @throws {ConfigError} If a time is out of range.
 * @throws {TypeError} On Bun.
 * @example
 * const served = await serve(proxy, { port: 8787 })
 * stopOnSignals(served)
 */
export async function serve(proxy: Servable, options: NodeServeOptions = {}): Promise<Served> {
  assertNode()
  return listen(proxy, options)
}

/**
 * Returns a handler for `node:http`, Express and other frameworks with `(req, res)` handlers. Mount it before anything
 * that reads bodies, such as `express.json()`.
 *
 * @throws {TypeError} On Bun.
 */
export function toNodeHandler(
  proxy: Handling,
): (request: IncomingMessage, response: ServerResponse) => void | Promise<void> {
  assertNode()
  const handle = createHandler(proxy, new Set())
  return (request, response) => {
    // Express cuts off the path that it is mounted at, and the proxy knows itself by its whole path.
    const { originalUrl } = request as IncomingMessage & { originalUrl?: string }
    if (originalUrl !== undefined) request.url = originalUrl
    handle(request, response)
  }
}

/** Bun puts a package of its own in place of undici, which forwards nothing. */
function assertNode(): void {
  if ('Bun' in globalThis)
    throw new StatedError(
      'lockgate/node and `lockgate serve` do not run on Bun: run them with Node, or use lockgate/bun in a file of your own',
    )
}

/**
 * A `fetch` without timeouts of its own, for the `fetch` option. Node's gives up on a response, or on a silent stream,
 * after five minutes, and tools may take longer. `serve` and `toNodeHandler` forward without it.
 */
export const fetch: Fetch = async (input, init) =>
  // The same interfaces under other names: undici declares its own.
  (await undiciFetch(input, { ...(init as UndiciInit), dispatcher: patient })) as unknown as Response

/** Returns the address of the other end of the connection. The default of the `clientAddress` option. */
export const clientAddress = (_request: Request, native?: unknown): string | undefined =>
  (native as { ip?: string } | undefined)?.ip
