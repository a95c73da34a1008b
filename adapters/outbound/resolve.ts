import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { env, platform } from 'node:process'

/** Resolves a host name to all its addresses. An address resolves to itself. Stops when the signal aborts. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly string[]>

/** Ports that a test may replace. */
export interface ResolvePorts {
  /** Name servers as `address:port`. Default: those of the system. */
  readonly servers?: readonly string[]
  /** The path of the hosts file. */
  readonly hosts?: string
}

/** Milliseconds to wait for the slower of the two address families. */
const SECOND_FAMILY = 500
/** Milliseconds for which the hosts file is not read again. */
const HOSTS_AGE = 10_000

const HOSTS =
  platform === 'win32' ? `${env.SystemRoot ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts` : '/etc/hosts'

/**
 * Creates a resolver that asks name servers directly and that can be stopped. The resolver of the system cannot. It
 * occupies a thread of a small pool until it gives up. A few silent name servers would delay every other lookup of the
 * process. The hosts file counts first, as for the system.
 */
export function createResolve({ servers, hosts = HOSTS }: ResolvePorts = {}): Resolve {
  let known: { readonly names: ReadonlyMap<string, readonly string[]>; readonly readAt: number } | undefined

  async function inHostsFile(host: string): Promise<readonly string[] | undefined> {
    if (!known || Date.now() - known.readAt > HOSTS_AGE) {
      const text = await readFile(hosts, 'utf8').catch(() => '')
      known = { names: parseHosts(text), readAt: Date.now() }
    }
    return known.names.get(host.toLowerCase())
  }

  return async (host, signal) => {
    if (isIP(host) !== 0) return [host]
    const listed = await inHostsFile(host)
    if (listed) return listed
    if (host === 'localhost') return ['127.0.0.1', '::1']
    return askNameServers(host, servers, signal)
  }
}

async function askNameServers(
  host: string,
  servers: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  if (servers) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Gives the other family a moment once one has addresses. */
  const hurry = (addresses: readonly string[]) => {
    timer ??= setTimeout(cancel, SECOND_FAMILY)
    return addresses
  }
  try {
    signal.throwIfAborted()
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(host).then(hurry),
      resolver.resolve6(host).then(hurry),
    ])
    const found = [four, six].flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    if (found.length === 0 && four.status === 'rejected') throw four.reason
    return found
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}

/** Reads a hosts file: an address and its names on each line, `#` before comments. */
function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address, ...hosts] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (!address || isIP(address) === 0) continue
    for (const host of hosts) {
      const name = host.toLowerCase()
      names.set(name, [...(names.get(name) ?? []), address])
    }
  }
  return names
}
