/** What browser clients send: MCP's own headers, and those of the TypeScript SDK. */
const REQUEST_HEADERS =
  'Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID'
const EXPOSED_HEADERS = 'WWW-Authenticate, Mcp-Session-Id, Retry-After'

/**
 * Lets a browser client of `origin` read `response`. What the response itself says about CORS stays. Never with
 * credentials: browsers keep the cookies of these pages to themselves.
 */
export function allowOrigin(response: Response, origin: string): Response {
  const headers = response.headers
  if (headers.has('access-control-allow-origin')) return response
  headers.set('access-control-allow-origin', origin)
  const exposed = headers.get('access-control-expose-headers')
  headers.set('access-control-expose-headers', exposed ? `${exposed}, ${EXPOSED_HEADERS}` : EXPOSED_HEADERS)
  headers.append('vary', 'Origin')
  return response
}

/** The answer to `OPTIONS`: 204 with what is allowed. */
export function preflight(request: Request, methods: string, origin: string | undefined): Response {
  const response = new Response(null, { status: 204, headers: { allow: methods } })
  if (origin === undefined) return response
  const asked = request.headers.get('access-control-request-headers')
  const headers = asked ? `${REQUEST_HEADERS}, ${asked}` : REQUEST_HEADERS
  response.headers.set('access-control-allow-methods', methods)
  response.headers.set('access-control-allow-headers', headers)
  response.headers.set('access-control-max-age', '86400')
  return allowOrigin(response, origin)
}
