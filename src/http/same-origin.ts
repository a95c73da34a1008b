/**
 * Tells whether a form comes from a page of this server. A page that sends no referrer has the origin `null`: then
 * `Sec-Fetch-Site` decides. A request with neither header does not come from a browser with cookies to abuse.
 *
 * @param own The origin of this server.
 */
export function isSameOrigin(request: Request, own: string): boolean {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  if (site !== null && site !== 'same-origin') return false
  return origin === null || origin === own || (origin === 'null' && site === 'same-origin')
}
