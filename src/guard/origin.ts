import { isLoopbackUrl } from '../http/loopback.ts'

/** Matches a web origin, exactly as browsers send it. */
const WEB_ORIGIN = /^https?:\/\/[^/?#@]+$/

/**
 * Whether a browser page of `origin` may call the protected server: one of this server's own, one on the user's
 * own computer (such as the MCP Inspector), or one the operator named. Requests without an `Origin` come from no
 * browser.
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
