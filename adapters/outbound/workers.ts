import type { Outbound } from '../../src/ports.ts'

/**
 * Fetches directly. A Worker has no private network: its `fetch` reaches only what the public internet reaches. The
 * platform resolves names, so there is no address to check or to hold on to.
 *
 * @see [Cloudflare: `global_fetch_strictly_public`](https://developers.cloudflare.com/workers/configuration/compatibility-flags/#global-fetch-strictly-public)
 */
export const outbound: Outbound | undefined = (url, { accept, signal }) =>
  fetch(url, { headers: { accept }, redirect: 'manual', signal })
