import { isIP } from 'node:net'
import { env, versions } from 'node:process'
import type { EnvHttpProxyAgent, RequestInit as UndiciInit } from 'undici'
import type { ConfigIssue } from '../../src/index.ts'
import { parseUrl, StatedError } from '../../src/internal.ts'
import type { Fetch } from '../../src/ports.ts'
import { isInside } from './addresses.ts'

/** The proxies that the environment names, as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Lower-case names count first. */
export interface ForwardProxies {
  readonly httpProxy: string | undefined
  readonly httpsProxy: string | undefined
  readonly noProxy: string
  /** The variables whose value is no address of a proxy. Requests that need one fail, and none goes past it. */
  readonly problems?: readonly ConfigIssue[]
}

/** `true` on runtimes whose own `fetch` reads the proxies of the environment. */
export const followsByItself = versions.bun !== undefined || versions.deno !== undefined

/** Reads the environment. `undefined` if it names no proxy, or on runtimes whose own `fetch` reads it. */
export function readForwardProxies(
  from: Readonly<Record<string, string | undefined>> = env,
): ForwardProxies | undefined {
  if (followsByItself) return undefined
  const nameOf = (name: string) => [name.toLowerCase(), name].find((one) => from[one])
  const names = [nameOf('HTTP_PROXY'), nameOf('HTTPS_PROXY')].filter((name) => name !== undefined)
  if (names.length === 0) return undefined
  const read = (name: string) => from[nameOf(name) ?? name] || undefined
  return {
    httpProxy: read('HTTP_PROXY'),
    httpsProxy: read('HTTPS_PROXY'),
    noProxy: read('NO_PROXY') ?? '',
    problems: names.flatMap((path) => {
      const message = problemOf(from[path]!)
      return message === undefined ? [] : [{ path, message }]
    }),
  }
}

/** Says what is wrong with the address of a proxy, without the address: it may contain a password. */
function problemOf(address: string): string | undefined {
  const fix = 'set it to the address of an HTTP proxy, such as http://proxy.example.com:3128'
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase()
  if (scheme === undefined) return `has no scheme; ${fix}`
  if (/^socks/.test(scheme)) return `is a SOCKS proxy, which Lockgate cannot use; ${fix}`
  if (!/^https?$/.test(scheme)) return `has a scheme that no HTTP proxy has; ${fix}`
  const url = parseUrl(address)
  if (!url) return `is no URL; ${fix}`
  return url.pathname === '/' && url.search === '' ? undefined : `has a path; ${fix}`
}

const problemFor = ({ problems }: ForwardProxies, protocol: string) =>
  problems?.find(({ path }) => path.toUpperCase() === (protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'))

/** @throws {StatedError} If the proxy that the request needs has no usable address. */
export function assertUsable(proxies: ForwardProxies, { protocol }: URL): void {
  const problem = problemFor(proxies, protocol)
  if (problem) throw new StatedError(`${problem.path} ${problem.message}`)
}

const usable = (proxies: ForwardProxies, protocol: 'http:' | 'https:'): string | undefined => {
  const address = protocol === 'https:' ? proxies.httpsProxy : proxies.httpProxy
  return problemFor(proxies, protocol) ? undefined : address
}

/**
 * Tells whether a request goes through a proxy. This machine and private addresses are reached directly, and so are the
 * hosts of `NO_PROXY`. It lists names, which stand for all names below them too, and addresses. Each may have a port.
 */
export function goesThrough(proxies: ForwardProxies, { protocol, hostname, port }: URL): boolean {
  if ((protocol === 'https:' ? proxies.httpsProxy : proxies.httpProxy) === undefined) return false
  if (isInside(hostname)) return false
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
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
export async function createProxyAgent(proxies: ForwardProxies, ca?: string): Promise<EnvHttpProxyAgent> {
  const { EnvHttpProxyAgent } = await import('undici')
  const [httpProxy, httpsProxy] = [usable(proxies, 'http:'), usable(proxies, 'https:')]
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
    const url = new URL(input)
    if (!goesThrough(proxies, url)) return direct(input, init)
    assertUsable(proxies, url)
    agent ??= await createProxyAgent(proxies)
    const { fetch } = await import('undici')
    // The same interfaces under other names: undici declares its own.
    return (await fetch(input, { ...(init as UndiciInit), dispatcher: agent })) as unknown as Response
  }
}
