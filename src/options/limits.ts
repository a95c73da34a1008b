import * as v from 'valibot'
import type { RateLimiter } from '../ports.ts'

/** Requests in a minute. */
const perMinute = v.pipe(v.number(), v.integer(), v.minValue(1))

const isLimiter = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && typeof (input as Partial<RateLimiter>).take === 'function'

/** With every default in place; `false` where nothing is limited. */
export type Limits =
  | false
  | {
      readonly address: number
      readonly client: number
      readonly user: number
      readonly failures: number
      readonly streams: number
      readonly allStreams: number
      readonly limiter?: RateLimiter
    }

/** How many requests pass in a minute; all of them may come at once. */
export const LimitsSchema: v.GenericSchema<false | Partial<Exclude<Limits, false>>, Limits> = v.union(
  [
    v.literal(false),
    v.strictObject({
      address: v.exactOptional(perMinute, 600),
      client: v.exactOptional(perMinute, 1200),
      user: v.exactOptional(perMinute, 1200),
      failures: v.exactOptional(perMinute, 60),
      streams: v.exactOptional(perMinute, 100),
      allStreams: v.exactOptional(perMinute, 10_000),
      limiter: v.exactOptional(v.custom<RateLimiter>(isLimiter, 'expected a limiter')),
    }),
  ],
  'expected false, or { address, client, user, failures, streams, allStreams, limiter }',
)
