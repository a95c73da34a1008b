import type { ConfigIssue } from '../../src/index.ts'
import type { Fetch, KeepAlive, Outbound } from '../../src/ports.ts'

/** Absent: on an unknown runtime, addresses that clients name are not fetched. */
export const outbound: Outbound | undefined = undefined

/** Absent: there is no environment that names a proxy. */
export const providerFetch: Fetch | undefined = undefined

/** None, for the same reason. */
export const proxyProblems: readonly ConfigIssue[] = []

/** Work lasts by itself, as far as is known. */
export const keepAlive: KeepAlive = () => {}

/** None: there is no environment that names a proxy. */
export const directProblem = (): string | undefined => undefined

/** Sends a request to an MCP server. */
export const direct: Fetch = (url, init) => fetch(url, init)
