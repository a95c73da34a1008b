import type { Fetch, KeepAlive, Outbound } from '../../src/ports.ts'

/** Absent: on an unknown runtime, addresses that clients name are not fetched. */
export const outbound: Outbound | undefined = undefined

/** Absent: there is no environment that names a proxy. */
export const providerFetch: Fetch | undefined = undefined

/** Work lasts by itself, as far as is known. */
export const keepAlive: KeepAlive = () => {}
