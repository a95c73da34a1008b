import { isLoopbackUrl } from '../http/loopback.ts'

/** Matches a web origin, exactly as browsers send it. */
const WEB_ORIGIN = /^https?:\/\/[^/?#@]+$/

/**
 * Tells whether a browser page of `origin` may call the MCP server. Pages of this server may, and pages on the user's own
 * computer, such as the MCP Inspector. So may the origins that the operator named. Requests without an `Origin` do not come
 * from a browser.
 *
 * @see [MCP, Transports: security warning](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning)
 */
export function isAllowedOrigin(origin: string, own: string, allowed: readonly string[]): boolean {
  return (
    origin === own ||
    (WEB_ORIGIN.test(origin) && isLoopbackUrl(origin)) ||
    allowed.includes(origin) ||
    allowed.includes('*')
  )
}
