import { isIP } from 'node:net'
import { env, versions } from 'node:process'
import type { EnvHttpProxyAgent, RequestInit as UndiciInit } from 'undici'
import { isLoopbackHost } from '../../src/internal.ts'
import type { Fetch } from '../../src/ports.ts'
import { isPublic } from './addresses.ts'

/** The proxies that the environment names, as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Lower-case names count first. */
export interface ForwardProxies {
  readonly httpProxy: string | undefined
  readonly httpsProxy: string | undefined
  readonly noProxy: string
}

/** Reads the environment. `undefined` if it names no proxy, or on runtimes whose own `fetch` reads it. */
export function readForwardProxies(
  from: Readonly<Record<string, string | undefined>> = env,
): ForwardProxies | undefined {
  if (versions.bun !== undefined || versions.deno !== undefined) return undefined
  const read = (name: string) => from[name.toLowerCase()] || from[name] || undefined
  const [httpProxy, httpsProxy] = [read('HTTP_PROXY'), read('HTTPS_PROXY')]
  if (httpProxy === undefined && httpsProxy === undefined) return undefined
  return { httpProxy, httpsProxy, noProxy: read('NO_PROXY') ?? '' }
}

/**
 * Tells whether a request goes through a proxy. This machine and private addresses are reached directly, and so are the
 * hosts of `NO_PROXY`. It lists names, which stand for all names below them too, and addresses. Each may have a port.
 */
export function goesThrough(proxies: ForwardProxies, { protocol, hostname, port }: URL): boolean {
  if ((protocol === 'https:' ? proxies.httpsProxy : proxies.httpProxy) === undefined) return false
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (isLoopbackHost(hostname) || host.endsWith('.localhost') || (isIP(host) !== 0 && !isPublic(host)))
    return false
  const own = port || (protocol === 'https:' ? '443' : '80')
  return !proxies.noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true
      const [, name = entry, only] = /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\*?\./, '')) ?? []
      const fits = host === name || (isIP(host) === 0 && host.endsWith(`.${name}`))
      return fits && (only === undefined || only === own)
    })
}

/** Makes the dispatcher for requests through the proxies. The certificate of the target is checked as usual. */
export async function createProxyAgent(
  { httpProxy, httpsProxy }: ForwardProxies,
  ca?: string,
): Promise<EnvHttpProxyAgent> {
  const { EnvHttpProxyAgent } = await import('undici')
  // `goesThrough` has decided about exceptions already. Without a scheme of its own, a request finds no proxy.
  return new EnvHttpProxyAgent({
    ...(httpProxy !== undefined && { httpProxy }),
    ...(httpsProxy !== undefined && { httpsProxy }),
    noProxy: '',
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(ca !== undefined && { requestTls: { ca } }),
  })
}

/** Returns a `fetch` through the proxies of the environment. */
export function createForwardFetch(proxies: ForwardProxies, direct: Fetch): Fetch {
  let agent: EnvHttpProxyAgent | undefined
  return async (input, init) => {
    if (!goesThrough(proxies, new URL(input))) return direct(input, init)
    agent ??= await createProxyAgent(proxies)
    const { fetch } = await import('undici')
    // The same interfaces under other names: undici declares its own.
    return (await fetch(input, { ...(init as UndiciInit), dispatcher: agent })) as unknown as Response
  }
}
