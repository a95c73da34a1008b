import type { OAuthProxy } from '../src/index.ts'

/** A server that listens. */
export interface BunServer {
  readonly url: URL
  /** Stops accepting, and waits for answers under way. @param force Cuts them off instead. */
  stop(force?: boolean): Promise<void>
}

interface BunRuntime {
  serve(options: {
    port: number
    hostname: string
    idleTimeout: number
    fetch: (request: Request, server: unknown) => Promise<Response>
  }): BunServer
}

/**
 * Serves a proxy with Bun. To embed one, give `proxy.fetch` to a `Bun.serve` of your own, with `idleTimeout: 0`.
 *
 * @param options.port 8787 by default; 0 takes a free one.
 * @param options.hostname 127.0.0.1 by default: behind a reverse proxy nobody else has to reach it.
 * @throws {TypeError} On another runtime.
 */
export function serve(
  proxy: Pick<OAuthProxy, 'fetch'>,
  options: { port?: number; hostname?: string } = {},
): BunServer {
  const { Bun } = globalThis as { Bun?: BunRuntime }
  if (!Bun) throw new TypeError('lockgate/bun runs only on Bun')
  const { port = 8787, hostname = '127.0.0.1' } = options
  // By default Bun cuts a stream that was silent for ten seconds.
  return Bun.serve({ port, hostname, idleTimeout: 0, fetch: proxy.fetch })
}

/** The peer's address as Bun saw it: the default of the `clientAddress` option. */
export const clientAddress = (request: Request, server?: unknown): string | undefined =>
  (server as { requestIP(request: Request): { address: string } | null } | undefined)?.requestIP(request)
    ?.address
