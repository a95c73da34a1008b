/**
 * Whether a form comes from a page of this server. A page that sends no referrer gives `null` as its origin; then
 * the browser's own word decides. Requests with neither header come from no browser that has cookies to abuse.
 *
 * @param own Origin of this server.
 */
export function isSameOrigin(request: Request, own: string): boolean {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  if (site !== null && site !== 'same-origin') return false
  return origin === null || origin === own || (origin === 'null' && site === 'same-origin')
}
