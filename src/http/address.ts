/** Chooses the address a request came from; `native` is what the runtime passes beside it. */
export type ClientAddress = (request: Request, ...native: unknown[]) => string | undefined

interface Native {
  /** Node, by srvx. */
  readonly ip?: unknown
  /** Deno. */
  readonly remoteAddr?: { readonly hostname?: unknown }
  /** Bun. */
  requestIP?(request: Request): { readonly address: string } | null
}

/** The other end of the connection, as the runtime's own arguments tell it. No header is asked: anybody can send one. */
export const peerAddress: ClientAddress = (request, ...native) => {
  for (const value of native) {
    if (typeof value !== 'object' || value === null) continue
    const { ip, remoteAddr } = value as Native
    if (typeof ip === 'string') return ip
    if (typeof remoteAddr?.hostname === 'string') return remoteAddr.hostname
    const server = value as Native
    if (typeof server.requestIP === 'function') return server.requestIP(request)?.address
  }
  return undefined
}

/**
 * What the outermost of `hops` proxies in front wrote into `X-Forwarded-For`. Each adds the address it saw at the
 * right end, so that what a client made up stands further left. Where there are fewer entries the request came
 * another way, and `peer` it is.
 */
export function forwardedAddress(
  header: string | null,
  hops: number,
  peer: string | undefined,
): string | undefined {
  if (hops === 0 || header === null) return peer
  const entry = header.split(',').at(-hops)?.trim()
  return entry !== undefined && normalAddress(entry) !== undefined ? entry : peer
}

const IPV4 = /^(\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?$/

/**
 * An address as it is counted: IPv4 also where it is mapped into IPv6, IPv6 by its first 64 bits, which are one
 * customer's. `undefined` for what is no address.
 */
export function normalAddress(text: string): string | undefined {
  const [, plain] = IPV4.exec(text) ?? []
  if (plain !== undefined) return plain.split('.').every((part) => Number(part) < 256) ? plain : undefined
  const inner = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? text
  // The parser of URLs reads every spelling and writes one; it takes no zone.
  const url = `http://[${inner.replace(/%.*$/, '')}]/`
  if (!inner.includes(':') || !URL.canParse(url)) return undefined
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::')
  const [before, after] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const zeros = tail === undefined ? 0 : 8 - before!.length - after!.length
  const groups = [...before!, ...Array<string>(zeros).fill('0'), ...after!]
  if (groups.slice(0, 6).join() === '0,0,0,0,0,ffff') {
    const [high, low] = groups.slice(6).map((group) => Number.parseInt(group, 16))
    return [high! >> 8, high! & 255, low! >> 8, low! & 255].join('.')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
