import process from 'node:process'
import type { Fetch } from '../../src/ports.ts'

/** The parts of the runtimes that are used. Bun and Deno follow the proxy variables of the environment by themselves. */
interface Runtimes {
  readonly Bun?: unknown
  readonly Deno?: { createHttpClient(options: object): unknown }
}

const PROXIES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy']
const EXCEPTIONS = ['NO_PROXY', 'no_proxy']

const plain: Fetch = (url, init) => fetch(url, init)

let chosen: Fetch | undefined

/**
 * Sends a request to an MCP server, past a proxy that the environment names. MCP servers are at addresses of the
 * operator, often on this computer, and the proxy would see the provider's tokens in clear.
 */
export const direct: Fetch = (url, init) => {
  chosen ??= choose()
  return chosen(url, init)
}

function choose(): Fetch {
  const { Bun, Deno } = globalThis as Runtimes
  try {
    if (!PROXIES.some((name) => process.env[name])) return plain
    if (Bun) return (url, init) => except('*', process.env, () => plain(url, init))
    if (Deno) return byClient(Deno, process.env)
  } catch {
    // Deno was not allowed to read the environment.
  }
  return plain
}

/** Deno reads the environment when a client is created, and knows no name for every host. */
function byClient(
  { createHttpClient }: NonNullable<Runtimes['Deno']>,
  env: Record<string, string | undefined>,
): Fetch {
  /** One for each host of the option `mcp`. */
  const clients = new Map<string, unknown>()
  return (url, init) => {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
    const client = clients.get(host) ?? except(host, env, () => createHttpClient({}))
    clients.set(host, client)
    return fetch(url, { ...init, client } as RequestInit)
  }
}

/** Runs `start` while the environment excepts hosts from its proxies. The runtimes read it only at that moment. */
function except<T>(hosts: string, env: Record<string, string | undefined>, start: () => T): T {
  const before = EXCEPTIONS.map((name) => env[name])
  try {
    for (const name of EXCEPTIONS) env[name] = hosts
    return start()
  } finally {
    for (const [index, name] of EXCEPTIONS.entries()) {
      if (before[index] === undefined) delete env[name]
      else env[name] = before[index]
    }
  }
}
