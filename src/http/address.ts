import { parseUrl } from './parse-url.ts'

/**
 * Returns the address of a request, or `undefined` if it is unknown. Throw an `OAuthError` to refuse the request.
 *
 * @param native The arguments that the runtime passes in addition to the request.
 */
export type ClientAddress = (request: Request, ...native: unknown[]) => string | undefined

/** The arguments of the runtimes, as far as they tell the address of the peer. */
interface Native {
  /** Node, by srvx. */
  readonly ip?: unknown
  /** Node's own request. */
  readonly socket?: { readonly remoteAddress?: unknown } | null
  /** Deno. */
  readonly remoteAddr?: { readonly hostname?: unknown }
  /** Bun. */
  requestIP?(request: Request): { readonly address: string } | null
}

/** A request of workerd. */
interface WorkerRequest {
  /** With no Cloudflare in front, the runtime itself writes the other end of the connection there, with its port. */
  readonly cf?: { readonly clientIp?: unknown } | null
}

/**
 * Returns the other end of the connection, as the runtime's own arguments tell it. Reads no header, because any client can
 * send one.
 */
export function peerAddress(toRequest: () => Request, native: readonly unknown[]): string | undefined {
  for (const value of native) {
    if (typeof value !== 'object' || value === null) continue
    const server = value as Native
    const address = server.ip ?? server.socket?.remoteAddress ?? server.remoteAddr?.hostname
    if (typeof address === 'string') return address
    if (typeof server.requestIP === 'function') return server.requestIP(toRequest())?.address
    // A Unix domain socket of Node has no address.
    if (server.socket) return undefined
  }
  return workerdAddress(toRequest())
}

/** Returns the other end of a connection to workerd. On Cloudflare, and on any other runtime, there is none. */
export function workerdAddress(request: Request): string | undefined {
  const address = (request as WorkerRequest).cf?.clientIp
  return typeof address === 'string' ? plainAddress(address) : undefined
}

/**
 * Returns the address that the outermost of `hops` proxies wrote into `X-Forwarded-For`. Each proxy appends the one it saw,
 * so that addresses a client made up are further left. With fewer entries the request came another way, and `peer` counts.
 */
export function forwardedAddress(
  header: string | null,
  hops: number,
  peer: string | undefined,
): string | undefined {
  if (hops === 0 || header === null) return peer
  const entry = header.split(',').at(-hops)?.trim()
  return entry !== undefined && plainAddress(entry) !== undefined ? entry : peer
}

const IPV4 = /^(\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?$/

/**
 * Returns an address without port, brackets and zone: IPv4 also if it is mapped into IPv6. `undefined` for text that is not
 * an address.
 */
export function plainAddress(text: string): string | undefined {
  const [, plain] = IPV4.exec(text) ?? []
  if (plain !== undefined) return plain.split('.').every((part) => Number(part) < 256) ? plain : undefined
  // The parser of URLs reads every spelling and writes one. It accepts no zone.
  const inner = (/^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? text).replace(/%.*$/, '')
  if (!/^[\da-f.]*:[\da-f.:]*$/i.test(inner)) return undefined
  const address = parseUrl(`http://[${inner}]/`)?.hostname.slice(1, -1)
  if (address === undefined) return undefined
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}

/**
 * Returns an address as limits count it. IPv6 counts by its first 64 bits, which belong to one customer. `undefined` for
 * text that is not an address.
 */
export function normalAddress(text: string): string | undefined {
  const address = plainAddress(text)
  if (address === undefined || !address.includes(':')) return address
  return `${groupsOf(address).slice(0, 4).join(':')}::/64`
}

/** Returns the eight groups of an IPv6 address. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const [before, after] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const zeros = tail === undefined ? 0 : 8 - before!.length - after!.length
  return [...before!, ...Array<string>(zeros).fill('0'), ...after!]
}

/** Tells whether a text is an address, or a range of them such as `10.0.0.0/8`. */
export const isRange = (text: string): boolean => rangeOf(text) !== undefined

/** Tells whether an address is in one of some ranges. */
export function isWithin(address: string | undefined, ranges: readonly string[]): boolean {
  const bits = address === undefined ? undefined : bitsOf(address)
  return bits !== undefined && ranges.some((range) => bits.startsWith(rangeOf(range) ?? ' '))
}

/** Returns the leading bits that the addresses of a range share. */
function rangeOf(text: string): string | undefined {
  const [, address = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  // A port, brackets or a zone would be ignored.
  const [whole, plain] = IPV4.exec(address) ?? []
  const bits = whole === plain && /^[\da-f:.]*$/i.test(address) ? bitsOf(address) : undefined
  if (bits === undefined || length === undefined) return bits
  // An IPv4 address that is mapped into IPv6 has 96 bits more in its spelling.
  const kept = Number(length) + bits.length - 1 - (address.includes(':') ? 128 : 32)
  return kept >= 0 && kept < bits.length ? bits.slice(0, 1 + kept) : undefined
}

/** Returns the version of an address and its bits, as text. */
function bitsOf(text: string): string | undefined {
  const address = plainAddress(text)
  if (address === undefined) return undefined
  const binary = (value: number, length: number) => value.toString(2).padStart(length, '0')
  if (!address.includes(':')) {
    return `4${address
      .split('.')
      .map((part) => binary(Number(part), 8))
      .join('')}`
  }
  return `6${groupsOf(address)
    .map((group) => binary(Number.parseInt(group, 16), 16))
    .join('')}`
}
