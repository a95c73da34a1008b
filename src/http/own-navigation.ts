import type { Head } from './head.ts'

/**
 * Tells whether the user opened an address: typed it, or followed a link on a page of this origin. The browser has to say
 * so. A redirect on the way from another site counts as that site.
 *
 * @see [Fetch Metadata Request Headers §2](https://www.w3.org/TR/fetch-metadata/#framework)
 */
export function isOwnNavigation({ method, headers }: Pick<Head, 'method' | 'headers'>): boolean {
  const site = headers.get('sec-fetch-site')
  return (
    method === 'GET' &&
    (site === 'none' || site === 'same-origin') &&
    headers.get('sec-fetch-mode') === 'navigate' &&
    headers.get('sec-fetch-dest') === 'document'
  )
}
