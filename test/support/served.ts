import { Browser } from './browser.ts'
import { type Run, startCommand } from './command.ts'
import { freePort } from './free-port.ts'
import { startProvider, type TestProvider } from './provider.ts'
import type { System } from './system.ts'

/** `lockgate serve` in a process of its own, with a real provider behind. */
export interface Served {
  readonly run: Run
  readonly provider: TestProvider
  /** The variables it was started with. */
  readonly env: Readonly<Record<string, string>>
  /** What signing in needs of a system, over HTTP. */
  readonly system: System
}

/**
 * @param options.mcp The server to protect.
 * @param options.args What to run instead of `serve`.
 * @param options.runtime The command that runs JavaScript; this Node by default.
 */
export async function startServed(
  folder: string,
  options: {
    mcp?: string
    args?: readonly string[]
    env?: Record<string, string>
    runtime?: readonly string[] | undefined
  },
): Promise<Served> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const provider = await startProvider({ redirectUris: [`${url}/callback`] })
  const env = {
    PORT: String(port),
    LOCKGATE_UPSTREAM: 'oidc',
    LOCKGATE_UPSTREAM_ISSUER: provider.issuer,
    LOCKGATE_UPSTREAM_CLIENT_ID: provider.clientId,
    LOCKGATE_UPSTREAM_CLIENT_SECRET: provider.clientSecret,
    ...(options.mcp !== undefined && { LOCKGATE_MCP: options.mcp }),
    ...options.env,
  }
  const run = startCommand(folder, options.args ?? ['serve'], env, options.runtime)
  await run.ready()
  const call = (path: string, init?: RequestInit) => fetch(url + path, init)
  const system: Partial<System> = {
    url,
    mcp: `${url}/mcp`,
    call,
    post: (path, params, headers) =>
      call(path, { method: 'POST', body: new URLSearchParams(params), headers: headers ?? {} }),
    browser: () => new Browser(),
  }
  return { run, provider, env, system: system as System }
}
