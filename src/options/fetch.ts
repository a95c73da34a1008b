import * as v from 'valibot'
import type { Fetch } from '../ports.ts'

const fetchFunction = v.custom<Fetch>((input) => typeof input === 'function', 'expected a function')

/** One `fetch` for every request of the proxy, or one for each side. */
export const FetchSchema: v.GenericSchema<Fetch | { provider?: Fetch; mcp?: Fetch }> = v.union(
  [
    fetchFunction,
    v.strictObject({ provider: v.exactOptional(fetchFunction), mcp: v.exactOptional(fetchFunction) }),
  ],
  'expected a function, or { provider, mcp }',
)
