import type { Outbound } from '../../src/ports.ts'

/** Loads what it needs with the first address it is asked for: a process that starts has something else to answer first. */
export const outbound: Outbound | undefined = async (url, options) => {
  const { createOutbound } = await import('./create-outbound.ts')
  return createOutbound()(url, options)
}
