import type { HeaderFields } from './head.ts'

/** Request headers of browser clients: MCP's own, and those of the TypeScript SDK. */
const REQUEST_HEADERS =
  'Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID'
const EXPOSED_HEADERS = 'WWW-Authenticate, Mcp-Session-Id, Retry-After'

/**
 * Lets a browser client of `origin` read `response`. Keeps what the response itself says about CORS. Never allows
 * credentials, so that browsers do not send the cookies of these pages.
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

/** Adds the same to a list of headers. */
export function exposeTo(headers: [name: string, value: string][], origin: string): void {
  if (headers.some(([name]) => name === 'access-control-allow-origin')) return
  const exposed = headers.find(([name]) => name === 'access-control-expose-headers')
  if (exposed) exposed[1] += `, ${EXPOSED_HEADERS}`
  else headers.push(['access-control-expose-headers', EXPOSED_HEADERS])
  headers.push(['access-control-allow-origin', origin], ['vary', 'Origin'])
}

/** Returns the response to `OPTIONS`: 204 with what is allowed. */
export function preflight(
  { headers }: { readonly headers: HeaderFields },
  methods: string,
  origin: string | undefined,
): Response {
  const response = new Response(null, { status: 204, headers: { allow: methods } })
  if (origin === undefined) return response
  const requested = headers.get('access-control-request-headers')
  response.headers.set('access-control-allow-methods', methods)
  response.headers.set(
    'access-control-allow-headers',
    requested ? `${REQUEST_HEADERS}, ${requested}` : REQUEST_HEADERS,
  )
  response.headers.set('access-control-max-age', '86400')
  return allowOrigin(response, origin)
}
