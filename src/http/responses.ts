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

/**
 * No page may be framed, cached, leak its address or load anything.
 *
 * There is no `form-action`: browsers apply it to the redirects after a form post too, and the consent form
 * ends at redirect URIs such as `cursor://`.
 */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
}

/** An HTML page, with cookies to set. */
export function page(html: string, status = 200, cookies: readonly string[] = []): Response {
  return withCookies(new Response(html, { status, headers: PAGE_HEADERS }), cookies)
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
