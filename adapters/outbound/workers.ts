import type { Outbound } from '../../src/ports.ts'

/**
 * A Worker runs in no network of its own: there is nothing behind it that its `fetch` could reach and the internet
 * could not. Names are resolved by the platform, so there is no address to look at or to hold on to.
 *
 * @see [Cloudflare: `global_fetch_strictly_public`](https://developers.cloudflare.com/workers/configuration/compatibility-flags/#global-fetch-strictly-public)
 */
export const outbound: Outbound | undefined = (url, { accept, signal }) =>
  fetch(url, { headers: { accept }, redirect: 'manual', signal })
