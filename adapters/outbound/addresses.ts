import ipaddr from 'ipaddr.js'
import { isLoopbackHost } from '../../src/internal.ts'

/** Global unicast. An address outside it is special, also for purposes that are newer than this list. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** A public address that leads to the host below a virtual machine of Azure. */
const AZURE_HOST = '168.63.129.16'

/**
 * Tells whether an address belongs to the public internet. Special-use ranges do not, nor does an IPv4 address spelled
 * inside an IPv6 one, which leads to wherever a gateway translates it.
 *
 * @see [RFC 6890 §2.2](https://www.rfc-editor.org/rfc/rfc6890#section-2.2)
 */
export function isPublic(address: string): boolean {
  const parsed = parse(address)
  if (parsed?.range() !== 'unicast' || parsed.toString() === AZURE_HOST) return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST)
}

/** Tells whether an address is this computer itself. */
export const isLoopback = (address: string): boolean => parse(address)?.range() === 'loopback'

/**
 * Tells whether a host is this computer by its name, or an address that is not public.
 *
 * @param hostname As `URL.hostname` spells it.
 */
export function isInside(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const isAddress = parse(host) !== undefined
  return isLoopbackHost(hostname) || host.endsWith('.localhost') || (isAddress && !isPublic(host))
}

const parse = (address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined =>
  ipaddr.isValid(address) ? ipaddr.parse(address) : undefined
