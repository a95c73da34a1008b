import process from 'node:process'
import { StatedError } from '../../src/internal.ts'
import type { Fetch } from '../../src/ports.ts'
import { isInside } from './addresses.ts'

/** The parts of the runtimes that are used. Bun and Deno follow the proxy variables of the environment by themselves. */
interface Runtimes {
  readonly Bun?: unknown
  readonly Deno?: { createHttpClient(options: object): unknown }
}

const PROXIES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy']
/** Bun reads both of them. Deno reads the second only if the first is not set. */
const EXCEPTIONS = { bun: ['NO_PROXY', 'no_proxy'], deno: ['NO_PROXY'] }

const plain: Fetch = (url, init) => fetch(url, init)

let chosen: Choice | undefined

interface Choice {
  readonly fetch: Fetch
  /** The reason why a request could go through a proxy, with what to do. */
  readonly problem?: string
}

/**
 * Sends a request to an MCP server, past a proxy that the environment names. MCP servers are at addresses of the
 * operator, often on this computer, and the proxy would see the provider's tokens in clear.
 */
export const direct: Fetch = (url, init) => {
  chosen ??= choose()
  return chosen.fetch(url, init)
}

/** Returns the reason why `direct` cannot promise to go past a proxy, with what to do. `undefined` if it can. */
export function directProblem(): string | undefined {
  chosen ??= choose()
  return chosen.problem
}

/**
 * The `fetch` for requests to providers on runtimes that follow the environment by themselves. This machine and private
 * addresses are reached directly, as on Node.
 */
export const localDirect: Fetch = (url, init) => (isInside(new URL(url).hostname) ? direct : plain)(url, init)

function choose(): Choice {
  const { Bun, Deno } = globalThis as Runtimes
  if (!Bun && !Deno) return { fetch: plain }
  try {
    if (!PROXIES.some((name) => process.env[name])) return { fetch: plain }
    if (Bun) {
      return { fetch: (url, init) => except('*', EXCEPTIONS.bun, () => plain(url, init)) }
    }
  } catch {
    // Deno may not read these names. It follows them all the same.
  }
  try {
    except('localhost', EXCEPTIONS.deno, () => {})
    return { fetch: byClient(Deno!) }
  } catch {
    const problem =
      'Deno may not set NO_PROXY, so that requests to MCP servers and to private addresses could go through a proxy of the environment; ' +
      'start it with --allow-env=NO_PROXY'
    return { problem, fetch: () => Promise.reject(new StatedError(problem)) }
  }
}

/** Deno reads the environment when a client is created, and knows no name for every host. */
function byClient({ createHttpClient }: NonNullable<Runtimes['Deno']>): Fetch {
  /** One for each host that is reached directly. */
  const clients = new Map<string, unknown>()
  return (url, init) => {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
    const client = clients.get(host) ?? except(host, EXCEPTIONS.deno, () => createHttpClient({}))
    clients.set(host, client)
    return fetch(url, { ...init, client } as RequestInit)
  }
}

/** Runs `start` while the environment excepts hosts from its proxies. The runtimes read it only at that moment. */
function except<T>(hosts: string, names: readonly string[], start: () => T): T {
  const { env } = process
  const before = names.map((name) => env[name])
  try {
    for (const name of names) env[name] = hosts
    return start()
  } finally {
    for (const [index, name] of names.entries()) {
      if (before[index] === undefined) delete env[name]
      else env[name] = before[index]
    }
  }
}
