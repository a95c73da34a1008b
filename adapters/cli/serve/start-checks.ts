import { access, constants } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import type { Fetch, OAuthProxy, Provider, ProxyOptions } from '../../../src/index.ts'
import { ms, printable } from '../../../src/internal.ts'
import { providersOf } from '../../doctor/deployment/providers.ts'
import { whyNot } from '../../doctor/unreached.ts'
import { goesThrough, readForwardProxies } from '../../outbound/forward-proxy.ts'
import { providerFetch } from '../../outbound/node.ts'

/**
 * Checks once, beside the first requests, what Lockgate depends on. A failure is a warning and not an error: the other
 * side may start later.
 *
 * @param warn Receives one line for each thing that does not work.
 */
export async function checkSurroundings(
  proxy: Pick<OAuthProxy, 'resources'>,
  options: ProxyOptions,
  fetch: Fetch,
  warn: (line: string) => void,
): Promise<void> {
  const targets = proxy.resources.flatMap(({ target }) => (target ? [target] : []))
  const work = [
    ...providersOf(options.upstream).map((provider) => checkProvider(provider, providerFetch ?? fetch)),
    ...targets.map((target) => checkServer(target, fetch)),
    options.storage.warnings?.().then((lines) => lines.join(' ') || undefined),
  ]
  for (const done of work) {
    void Promise.resolve(done).then(
      (line) => line !== undefined && warn(printable(line)),
      () => {},
    )
  }
  await Promise.allSettled(work)
}

async function checkProvider(provider: Provider, fetch: Fetch): Promise<string | undefined> {
  const { issuer, name, discovery, endpoints } = provider
  const url = discovery
    ? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    : (endpoints.token ?? issuer)
  const hint = 'sign-ins fail until it does'
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ms.startCheck), redirect: 'manual' })
    await response.body?.cancel()
    if (response.status >= 500) return `provider ${name}: ${url} responds ${response.status}; ${hint}`
    return undefined
  } catch (error) {
    return `provider ${name}: ${url} does not respond${throughProxy(url)} (${whyNot(error)}); ${hint}`
  }
}

/** Names the proxy of the environment that the request goes through. It may be the one that does not respond. */
function throughProxy(url: string): string {
  const target = new URL(url)
  const proxies = readForwardProxies()
  if (!proxies || !goesThrough(proxies, target)) return ''
  return ` through the proxy of ${target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'}`
}

/** A request that every MCP server understands, and that changes nothing. */
const PING = {
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  body: '{"jsonrpc":"2.0","id":0,"method":"ping"}',
}

async function checkServer(target: string, fetch: Fetch): Promise<string | undefined> {
  const { origin, pathname } = new URL(target)
  const server = `MCP server: ${origin}${pathname}`
  const statusOf = async (init: RequestInit) => {
    const response = await fetch(target, {
      ...init,
      signal: AbortSignal.timeout(ms.startCheck),
      redirect: 'manual',
    })
    await response.body?.cancel()
    return response.status
  }
  const isAbsent = (status: number) => status === 404 || status === 405
  try {
    let status = await statusOf({ method: 'OPTIONS' })
    // Some servers know no OPTIONS, but the path.
    if (isAbsent(status)) status = await statusOf(PING)
    if (isAbsent(status))
      return `${server} responds ${status}: there is no MCP server at this path; correct --mcp (LOCKGATE_MCP)`
    if (status >= 500) return `${server} responds ${status}; look at its log`
    return undefined
  } catch (error) {
    return `${server} does not respond (${whyNot(error)}); start it, or correct --mcp (LOCKGATE_MCP)`
  }
}

/** Returns a warning if there is no such program to wrap. */
export async function checkProgram(command: string): Promise<string | undefined> {
  const isPath = /[\\/]/.test(command)
  const folders = isPath ? [''] : (process.env.PATH ?? '').split(delimiter)
  for (const folder of folders) {
    const file = isPath ? resolve(command) : join(folder, command)
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return undefined
  }
  // Windows finds programs by more names than their own.
  if (process.platform === 'win32') return undefined
  return `the program ${printable(command)} was not found, or cannot be run; correct the command after --, because no session can start`
}
