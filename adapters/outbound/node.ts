import type { ConfigIssue } from '../../src/index.ts'
import type { Fetch, KeepAlive, Outbound } from '../../src/ports.ts'
import { localDirect } from './direct.ts'
import { createForwardFetch, followsByItself, readForwardProxies } from './forward-proxy.ts'

export { direct, directProblem } from './direct.ts'

let created: Promise<Outbound> | undefined

/** Imports its implementation on first use, to keep start-up fast. */
export const outbound: Outbound | undefined = async (url, options) => {
  created ??= import('./create-outbound.ts').then(({ createOutbound }) => createOutbound())
  return (await created)(url, options)
}

const proxies = readForwardProxies()
const plain: Fetch = (input, init) => fetch(input, init)

/** The `fetch` for requests to providers, if the environment names a proxy, or if the runtime would follow it. */
export const providerFetch: Fetch | undefined = followsByItself
  ? localDirect
  : proxies && createForwardFetch(proxies, plain)

/** The variables of the environment that name no usable proxy. */
export const proxyProblems: readonly ConfigIssue[] = proxies?.problems ?? []

/** Work lasts by itself on these runtimes. */
export const keepAlive: KeepAlive = () => {}
