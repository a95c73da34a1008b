import { ms } from '../src/internal.ts'
import { createClose } from './closing.ts'
import { closing, type Servable } from './last-response.ts'
import { checkTimes, type Served, type ServeOptions, announce as tell } from './served.ts'

export type { Served, ServeOptions } from './served.ts'
export { stopOnSignals } from './signals.ts'

/** A server of Bun that listens. */
export interface BunServed extends Served {
  /** @deprecated Use `close`. */
  stop(force?: boolean): Promise<void>
}

type Handler = (request: Request, server: unknown) => Promise<Response>

interface BunServer {
  readonly url: URL
  stop(force?: boolean): Promise<void>
  reload(options: { fetch: Handler }): void
}

interface BunRuntime {
  readonly env: Readonly<Record<string, string | undefined>>
  serve(options: {
    port: number
    hostname: string
    idleTimeout: number
    maxRequestBodySize: number
    fetch: Handler
  }): BunServer
}

/** Bun's own limit of requests that `fetch` has under way in one process. */
const FETCHES = 256

/**
 * Serves a proxy with Bun. To embed one, give `proxy.fetch` to a `Bun.serve` of your own, with `idleTimeout: 0` and a
 * large `maxRequestBodySize`.
 *
 * Bun reads `BUN_CONFIG_MAX_HTTP_REQUESTS` once, when the process starts. Without it, 256 open event streams leave no
 * room for any other request to an MCP server or a provider, and a warning says so.
 *
 * @throws {TypeError} On another runtime.
 * @throws {ConfigError} If a time is out of range.
 */
export function serve(proxy: Servable, options: ServeOptions = {}): BunServed {
  const { Bun } = globalThis as { Bun?: BunRuntime }
  if (!Bun) throw new TypeError('lockgate/bun runs only on Bun')
  const { port = 8787, hostname = '127.0.0.1', drain = 30, delay = 0 } = options
  checkTimes({ drain, delay })
  if (Number(Bun.env.BUN_CONFIG_MAX_HTTP_REQUESTS ?? FETCHES) <= FETCHES) {
    console.warn(
      `Bun sends at most ${FETCHES} requests at a time, open event streams included. Start it with BUN_CONFIG_MAX_HTTP_REQUESTS=20000.`,
    )
  }
  const fetch: Handler = (request, server) => proxy.fetch(request, server)
  const server = Bun.serve({
    port,
    hostname,
    // By default Bun cuts a stream that was silent for ten seconds, and an upload of more than 128 MB.
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch,
  })
  const close = createClose({
    // `stop` closes idle connections at once. Before that, clients of busy ones learn that they close.
    delay: Math.max(delay, ms.drainIdle / 1000),
    drain,
    announce() {
      proxy.drain?.()
      server.reload({ fetch: async (request, self) => closing(await fetch(request, self)) })
    },
    stop() {
      proxy.endStreams?.()
      return server.stop()
    },
    cut() {
      proxy.report?.({ reason: 'responses-cut' })
      void server.stop(true)
    },
    settled: () => proxy.settled?.(),
  })
  tell(proxy, server.url.href, options)
  return { url: server.url.href, close, stop: close }
}

/** Returns the address of the other end of the connection. The default of the `clientAddress` option. */
export const clientAddress = (request: Request, server?: unknown): string | undefined =>
  (server as { requestIP(request: Request): { address: string } | null } | undefined)?.requestIP(request)
    ?.address
