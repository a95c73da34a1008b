/** JSON that no cache keeps (RFC 6749 §5.1). */
export function json(data: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(data), {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      ...headers,
    },
  })
}

/** A public document that caches may keep for `maxAge` seconds. */
export function cacheableJson(data: unknown, maxAge: number): Response {
  return new Response(JSON.stringify(data), {
    headers: { 'content-type': 'application/json', 'cache-control': `public, max-age=${maxAge}` },
  })
}

/** No page may be framed, cached, leak its address or be taken for something else. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
}

/** An HTML page under its own `Content-Security-Policy`, with cookies to set. */
export function page(
  { body, policy }: { readonly body: string; readonly policy: string },
  status = 200,
  cookies: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { ...PAGE_HEADERS, ...more, 'content-security-policy': policy }
  return withCookies(new Response(body, { status, headers }), cookies)
}

/** A redirect that always becomes a GET: 303, so that no form is ever posted on (RFC 9700 §4.12). */
export function redirect(location: string, cookies: readonly string[] = []): Response {
  const headers = { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }
  return withCookies(new Response(null, { status: 303, headers }), cookies)
}

function withCookies(response: Response, cookies: readonly string[]): Response {
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}
