import * as v from 'valibot'
import { directProblem, providerFetch } from '#outbound'
import type { Clock, Fetch } from '../ports.ts'
import { byKind, type Entries, hook, listOf, shape, type WithDefaults } from '../validation/shape.ts'
import type { Report } from './report.ts'
import type { Resource } from './resource.ts'

/** Options about the network around the server, and its clock. */
export interface NetworkOptions {
  /**
   * The browser origins that may call the MCP servers, in addition to this server's own and loopback ones; `*` for any.
   *
   * @default []
   */
  origins?: readonly string[] | undefined
  /** The `fetch` for requests to the provider and the MCP servers, or `{ provider, mcp }` with one for each. */
  fetch?: Fetch | Fetches | undefined
  /** Returns the seconds since the epoch. For tests. */
  now?: Clock | undefined
}

/** One `fetch` for each side of the proxy. */
interface Fetches {
  /** The `fetch` for requests to the provider. */
  provider?: Fetch | undefined
  /** The `fetch` for requests to the MCP servers. */
  mcp?: Fetch | undefined
}

const DEFAULTS = { origins: [] } as const

export type NetworkParsed = WithDefaults<NetworkOptions, typeof DEFAULTS>

const origin = v.pipe(
  v.string(),
  v.regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/, 'expected an origin such as https://app.example, or *'),
)

export const networkEntries: Entries<NetworkOptions, NetworkParsed> = {
  origins: v.optional(listOf(origin), DEFAULTS.origins),
  fetch: v.optional(
    byKind<Fetch | Fetches>(
      {
        function: hook<Fetch>(),
        object: shape({ provider: v.optional(hook<Fetch>()), mcp: v.optional(hook<Fetch>()) }),
      },
      'expected a function, or { provider, mcp }',
    ),
  ),
  now: v.optional(hook<Clock>()),
}

export interface NetworkSettings {
  readonly origins: readonly string[]
  /** The `fetch` for requests to the provider. */
  readonly fetch: Fetch
  /** The `fetch` for requests to the MCP servers; `undefined` for the runtime's own way. */
  readonly mcpFetch: Fetch | undefined
  readonly now: Clock
  /** A clock for ages within the process. It is never set back, unless `now` is. */
  readonly uptime: Clock
}

// The global functions are looked up at each call, because an application or a test may replace them later.
const globalFetch: Fetch = (input, init) => fetch(input, init)
const systemClock: Clock = () => Math.floor(Date.now() / 1000)
const processClock: Clock = () => performance.now() / 1000

export function settleNetwork({ origins, fetch: own, now }: NetworkParsed): NetworkSettings {
  const { provider = providerFetch ?? globalFetch, mcp } =
    typeof own === 'function' ? { provider: own, mcp: own } : (own ?? {})
  return { origins, fetch: provider, mcpFetch: mcp, now: now ?? systemClock, uptime: now ?? processClock }
}

/** Refuses a runtime that could send requests to MCP servers through a proxy of its environment. */
export function checkDirect(
  { mcpFetch }: NetworkSettings,
  resources: readonly Resource[],
  report: Report,
): void {
  const problem = mcpFetch || !resources.some(({ target }) => 'url' in target) ? undefined : directProblem()
  if (problem !== undefined) report('mcp', problem)
}
