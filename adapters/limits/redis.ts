import type { RateLimiter } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'
import type { RedisServer } from '../redis/client.ts'
import { openConnection } from '../redis/connection.ts'

export type { RedisClient, RedisServer } from '../redis/client.ts'

export interface RedisLimiterOptions extends RedisServer {
  /**
   * The first part of all keys: letters, digits, `-` and `_`. By default `lockgate-limits`, and deployments that share the
   * database are kept apart by their public URL. With a prefix they are not: give each its own.
   */
  readonly prefix?: string | undefined
}

/**
 * Takes one from a bucket. Only the time is kept at which the bucket will be full again, by the server's clock. `ARGV`:
 * its size, and the seconds to fill it. Returns the seconds to wait, or 0 if there was one to take.
 */
const TAKE = `
local time = redis.call('TIME')
local now, limit, window = time[1] + time[2] / 1000000, tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + window / limit
local over = full - now - window
if over > 0.000001 then return math.max(1, math.ceil(over)) end
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000))
return 0`

interface Scripts {
  lockgateTake(key: string, limit: number, window: number): Promise<number>
}

/**
 * Rate limits that every instance shares, in Redis 6 or later or a server that speaks its protocol, over ioredis
 * (`npm install ioredis`): one script call per request, on one key. Nothing connects before the first use.
 *
 * An instance counts in its own memory for a second when Redis does not respond within a quarter of one. A connection
 * that no longer responds, or whose server has become a replica, is opened again.
 *
 * @throws {TypeError} For a wrong prefix, or if neither or both of `url` and `client` are given.
 */
export function redis(options: RedisLimiterOptions): RateLimiter & { close(): Promise<void> } {
  const base = options.prefix ?? 'lockgate-limits'
  if (!/^[\w-]{1,100}$/.test(base)) {
    throw new TypeError(
      '`prefix` may contain letters, digits, - and _: a colon would put it inside another one',
    )
  }
  const connection = openConnection<Scripts>(options, { lockgateTake: TAKE })
  let pausedUntil = 0

  function limiter(prefix: string): RateLimiter {
    return {
      async take(key, { limit, window }) {
        if (Date.now() < pausedUntil) return undefined
        try {
          const retryAfter = await connection.run(
            (commands) => commands.lockgateTake(prefix + key, limit, window),
            {
              within: ms.redisLimit,
              // A second run would count twice.
              once: true,
            },
          )
          return { allowed: retryAfter === 0, retryAfter }
        } catch (error) {
          pausedUntil = Date.now() + ms.limiterPause
          // Once per pause, so that the failure is reported without a flood of events.
          throw error
        }
      },
    }
  }

  return {
    ...limiter(`${base}:`),
    ...(options.prefix === undefined && {
      // No key of a limit contains a vertical bar in front of an issuer: the two kinds of keys do not meet.
      forIssuer: (issuer: string) => limiter(`${base}:${issuer}|`),
    }),
    close: async () => connection.close(),
  }
}
