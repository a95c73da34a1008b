import type { Outbound } from '../../src/ports.ts'

/** On a runtime nobody has checked, no address that a stranger names is fetched. */
export const outbound: Outbound | undefined = undefined
