import type { OAuthProxy } from '../src/index.ts'

/** A server that listens. */
export interface DenoServer {
  readonly addr: { readonly hostname: string; readonly port: number }
  readonly finished: Promise<void>
  /** Stops accepting, and waits for answers under way. */
  shutdown(): Promise<void>
}

interface DenoRuntime {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (request: Request, info: unknown) => Promise<Response>,
  ): DenoServer
}

/**
 * Serves a proxy with Deno, which has to be allowed to use the network.
 *
 * @param options.port 8787 by default; 0 takes a free one.
 * @param options.hostname 127.0.0.1 by default: behind a reverse proxy nobody else has to reach it.
 * @throws {TypeError} On another runtime.
 */
export function serve(
  proxy: Pick<OAuthProxy, 'fetch'>,
  options: { port?: number; hostname?: string } = {},
): DenoServer {
  const { Deno } = globalThis as { Deno?: DenoRuntime }
  if (!Deno) throw new TypeError('lockgate/deno runs only on Deno')
  const { port = 8787, hostname = '127.0.0.1' } = options
  return Deno.serve({ port, hostname, onListen: () => {} }, proxy.fetch)
}

/** The peer's address as Deno saw it: the default of the `clientAddress` option. */
export const clientAddress = (_request: Request, info?: unknown): string | undefined =>
  (info as { remoteAddr?: { hostname?: string } } | undefined)?.remoteAddr?.hostname
