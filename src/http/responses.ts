/** The headers of JSON that no cache keeps (RFC 6749 §5.1). */
export const JSON_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  pragma: 'no-cache',
}

/** Creates a JSON response that no cache keeps. */
export function json(data: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(data), {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  })
}

/**
 * Creates a public JSON document that caches may keep for `maxAge` seconds. Pages of every origin may read it, whether
 * or not the request named an origin, because a shared cache serves both.
 */
export function cacheableJson(data: unknown, maxAge: number): Response {
  return new Response(JSON.stringify(data), {
    headers: {
      'content-type': 'application/json',
      'cache-control': `public, max-age=${maxAge}`,
      'access-control-allow-origin': '*',
    },
  })
}

/**
 * No page may be framed, cached, or taken for another type, and its address stays on this origin. The referrer policy is
 * not `no-referrer`, because browsers would then send `Origin: null` with its forms. There is no opener policy: clients
 * open the sign-in as a popup, and wait for it to return to them.
 */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Creates an HTML page with its own `Content-Security-Policy` and cookies to set. */
export function page(
  { body, policy }: { readonly body: string; readonly policy: string },
  status = 200,
  cookies: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { ...PAGE_HEADERS, ...more, 'content-security-policy': policy }
  return withCookies(new Response(body, { status, headers }), cookies)
}

/** Creates a redirect that always becomes a GET: 303, so that no form is posted on (RFC 9700 §4.12). */
export function redirect(location: string, cookies: readonly string[] = []): Response {
  const headers = { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }
  return withCookies(new Response(null, { status: 303, headers }), cookies)
}

function withCookies(response: Response, cookies: readonly string[]): Response {
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}
