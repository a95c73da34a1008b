import { ms } from '../src/internal.ts'
import { createClose } from './closing.ts'
import { closing, type Servable } from './last-response.ts'
import { checkTimes, type Served, type ServeOptions, announce as tell } from './served.ts'

export type { Served, ServeOptions } from './served.ts'
export { stopOnSignals } from './signals.ts'

/**
 * A server of Deno that listens. Deno cannot cut a response once it drains. `close` then resolves at the end of the drain
 * time, and what is still open ends with the process, as {@link stopOnSignals} ends it.
 */
export interface DenoServed extends Served {
  /** @deprecated Use `url`. */
  readonly addr: { readonly hostname: string; readonly port: number }
  /** Resolves when the server has stopped. */
  readonly finished: Promise<void>
  /** @deprecated Use `close`. */
  shutdown(): Promise<void>
}

type Handler = (request: Request, info: unknown) => Promise<Response>

interface DenoServer {
  readonly addr: { readonly hostname: string; readonly port: number }
  readonly finished: Promise<void>
  shutdown(): Promise<void>
}

interface DenoRuntime {
  serve(
    options: { port: number; hostname: string; signal: AbortSignal; onListen: () => void },
    handler: Handler,
  ): DenoServer
}

/**
 * Serves a proxy with Deno, which has to be allowed to use the network.
 *
 * Deno has no deadline for the head of a request. A server in front should have one, because a client can otherwise
 * hold connections open that send nothing.
 *
 * @throws {TypeError} On another runtime.
 * @throws {ConfigError} If a time is out of range.
 */
export function serve(proxy: Servable, options: ServeOptions = {}): DenoServed {
  const { Deno } = globalThis as { Deno?: DenoRuntime }
  if (!Deno) throw new TypeError('lockgate/deno runs only on Deno')
  const { port = 8787, hostname = '127.0.0.1', drain = 30, delay = 0 } = options
  checkTimes({ drain, delay })
  const abort = new AbortController()
  let isForced = false
  let leave: () => void = () => {}
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  const fetch: Handler = (request, info) => proxy.fetch(request, info)
  let handle = fetch
  const server = Deno.serve({ port, hostname, signal: abort.signal, onListen: () => {} }, (request, info) =>
    handle(request, info),
  )
  const closeOnce = createClose({
    // `shutdown` closes idle connections at once. Before that, clients of busy ones learn that they close.
    delay: Math.max(delay, ms.drainIdle / 1000),
    drain,
    announce() {
      proxy.drain?.()
      handle = async (request, info) => closing(await fetch(request, info))
    },
    stop() {
      proxy.endStreams?.()
      // After `shutdown` began, an abort throws where it cannot be caught.
      if (!isForced) return Promise.race([server.shutdown(), left])
      abort.abort()
      return server.finished
    },
    cut() {
      proxy.report?.({ reason: 'responses-cut' })
      leave()
    },
    settled: () => proxy.settled?.(),
  })
  const close = (force = false): Promise<void> => {
    isForced ||= force
    return closeOnce(force)
  }
  const { addr, finished } = server
  const host = addr.hostname.includes(':') ? `[${addr.hostname}]` : addr.hostname
  const url = `http://${host}:${addr.port}/`
  tell(proxy, url, options)
  return { url, close, addr, finished, shutdown: () => close() }
}

/** Returns the address of the other end of the connection. The default of the `clientAddress` option. */
export const clientAddress = (_request: Request, info?: unknown): string | undefined =>
  (info as { remoteAddr?: { hostname?: string } } | undefined)?.remoteAddr?.hostname
