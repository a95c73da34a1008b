import * as platform from 'cloudflare:workers'
import type { ConfigIssue } from '../../src/index.ts'
import type { Fetch, KeepAlive, Outbound } from '../../src/ports.ts'

/**
 * Fetches directly. A Worker has no private network: its `fetch` reaches only what the public internet reaches. The
 * platform resolves names, so there is no address to check or to hold on to.
 *
 * @see [Cloudflare: `global_fetch_strictly_public`](https://developers.cloudflare.com/workers/configuration/compatibility-flags/#global-fetch-strictly-public)
 */
export const outbound: Outbound | undefined = (url, { accept, signal }) =>
  fetch(url, { headers: { accept }, redirect: 'manual', signal })

/** None: there is no environment that names a proxy. */
export const directProblem = (): string | undefined => undefined

/** Sends a request to an MCP server. */
export const direct: Fetch = (url, init) => fetch(url, init)

/** Absent: there is no environment that names a proxy. */
export const providerFetch: Fetch | undefined = undefined

/** None, for the same reason. */
export const proxyProblems: readonly ConfigIssue[] = []

/** Lets work outlive the request that started it, so that a cancelled request stalls no other one. */
export const keepAlive: KeepAlive = (work) => {
  try {
    // Older versions of the platform do not have it.
    platform.waitUntil?.(work)
  } catch {
    // There is no request: the work lasts as long as the isolate.
  }
}
