import * as v from 'valibot'
import type { ClientAddress } from '../http/address.ts'
import type { RateLimiter } from '../ports.ts'
import { byKind, type Entries, hook, made, shape, type WithDefaults, whole } from '../validation/shape.ts'

/** Options about rate limits and the address of a caller. */
export interface LimitsOptions {
  /** The rate limits, or `false` if a proxy in front limits requests. */
  limits?: false | RateLimits | undefined
  /** Returns the address of a request, or `undefined` if it is unknown. By default the runtime provides it. */
  clientAddress?: ClientAddress | undefined
  /**
   * The number of proxies in front that append to X-Forwarded-For. With 0 the header is ignored.
   *
   * @default 0
   */
  trustProxy?: number | undefined
}

/** The rate limits, per minute, and the limits on requests at once. All requests of a minute may arrive at once. */
export interface RateLimits {
  /**
   * Requests per minute from one address to endpoints without credentials. Invalid bearer tokens have a separate
   * budget of the same size.
   *
   * @default 600
   */
  address?: number | undefined
  /**
   * Requests per minute to the token endpoint by one client from one address.
   *
   * @default 1200
   */
  client?: number | undefined
  /**
   * Requests per minute by one user: refreshes, and requests to the MCP servers. At a server with rules for tools, a batch,
   * URIs and a large body count as several.
   *
   * @default 1200
   */
  user?: number | undefined
  /**
   * Failures per minute of one client from one address: wrong secrets, codes and refresh tokens.
   *
   * @default 60
   */
  failures?: number | undefined
  /**
   * Requests per minute from one address to servers with public tools, without a token. Refused ones count too. A batch,
   * URIs and a large body count as several.
   *
   * @default 60
   */
  anonymous?: number | undefined
  /**
   * Event streams and unanswered requests of one user at once, or of one address without a token.
   *
   * @default 100
   */
  streams?: number | undefined
  /**
   * Event streams and unanswered requests of all callers together, at once. Those without a token get half of them.
   *
   * @default 10000
   */
  allStreams?: number | undefined
  /** The limiter that counts, from `lockgate/limits/…`. By default each instance counts in memory. */
  limiter?: RateLimiter | undefined
}

const RATES = {
  address: 600,
  client: 1200,
  user: 1200,
  failures: 60,
  anonymous: 60,
  streams: 100,
  allStreams: 10_000,
} as const
const DEFAULTS = { limits: {}, trustProxy: 0 } as const

/** The rate limits with every default in place; `false` if there are none. */
export type Limits = false | WithDefaults<RateLimits, typeof RATES>

export interface LimitsSettings extends Omit<WithDefaults<LimitsOptions, typeof DEFAULTS>, 'limits'> {
  readonly limits: Limits
}

const perMinute = whole(1)

const EXPECTED =
  'expected false, or { address, client, user, failures, anonymous, streams, allStreams, limiter }'

export const limitsEntries: Entries<LimitsOptions, LimitsSettings> = {
  limits: v.optional(
    byKind<false | RateLimits, Limits>(
      {
        boolean: v.literal(false, EXPECTED),
        object: shape({
          address: v.optional(perMinute, RATES.address),
          client: v.optional(perMinute, RATES.client),
          user: v.optional(perMinute, RATES.user),
          failures: v.optional(perMinute, RATES.failures),
          anonymous: v.optional(perMinute, RATES.anonymous),
          streams: v.optional(whole(1), RATES.streams),
          allStreams: v.optional(whole(1), RATES.allStreams),
          limiter: v.optional(made<RateLimiter>(['take'], 'expected a limiter, such as redis({ … })')),
        }),
      },
      EXPECTED,
    ),
    DEFAULTS.limits,
  ),
  clientAddress: v.optional(hook<ClientAddress>()),
  trustProxy: v.optional(
    whole(0, 10, 'expected the number of proxies in front, such as 1'),
    DEFAULTS.trustProxy,
  ),
}
