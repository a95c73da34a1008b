const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/**
 * Whether a browser page of `origin` may call the protected server: one of this server's own, one on the user's
 * own computer (such as the MCP Inspector), or one the operator named. Requests without an `Origin` come from no
 * browser.
 *
 * @see [MCP, Transports: security warning](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning)
 */
export function isAllowedOrigin(origin: string, own: string, allowed: readonly string[]): boolean {
  return origin === own || LOOPBACK.test(origin) || allowed.includes(origin) || allowed.includes('*')
}
