import ipaddr from 'ipaddr.js'

/** Global unicast: what is not in it is special in some way, however new the reason. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an address belongs to the public internet: in none of the special-use ranges, nor a spelling of an IPv4
 * address inside an IPv6 one, which leads wherever some gateway wants.
 *
 * @see [RFC 6890 §2.2](https://www.rfc-editor.org/rfc/rfc6890#section-2.2)
 */
export function isPublic(address: string): boolean {
  const parsed = parse(address)
  if (parsed?.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST)
}

/** Whether an address is this computer itself. */
export const isLoopback = (address: string): boolean => parse(address)?.range() === 'loopback'

const parse = (address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined =>
  ipaddr.isValid(address) ? ipaddr.parse(address) : undefined
