import { Redis } from 'ioredis'
import type { RateLimiter } from '../../src/index.ts'
import { ms } from '../../src/internal.ts'

/**
 * Takes one from a bucket, of which only the time is kept at which it will be full again, by the server's own clock.
 * `ARGV`: how many at once, and seconds to fill it. Returns how many seconds to wait, 0 where there was one.
 */
const TAKE = `
local time = redis.call('TIME')
local now, limit, window = time[1] + time[2] / 1000000, tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + window / limit
local over = full - now - window
if over > 0.000001 then return math.max(1, math.ceil(over)) end
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000))
return 0`

interface Client {
  lockgateTake(key: string, limit: number, window: number): Promise<number>
}

/**
 * Limits that every instance shares, in Redis 6 or later, by one script call for each request (`npm install ioredis`).
 * While Redis does not answer within a quarter of a second, each instance counts in its own memory. Nothing connects
 * before the first use.
 *
 * @param options.url `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS.
 * @param options.prefix What all keys begin with, where the database is shared; default `lockgate-limits`.
 */
export function redis(options: { url: string; prefix?: string }): RateLimiter & { close(): Promise<void> } {
  const prefix = options.prefix ?? 'lockgate-limits'
  let opened: Redis | undefined
  let away = 0

  function client(): Client {
    if (!opened) {
      opened = new Redis(options.url, {
        connectTimeout: 2000,
        commandTimeout: 250,
        maxRetriesPerRequest: 0,
        retryStrategy: (times) => Math.min(times * 100, 2000),
      })
      // Every command that fails says so itself.
      opened.on('error', () => {})
      opened.defineCommand('lockgateTake', { numberOfKeys: 1, lua: TAKE })
    }
    return opened as unknown as Client
  }

  return {
    async take(key, { limit, window }) {
      if (Date.now() < away) return undefined
      try {
        const retryAfter = await client().lockgateTake(`${prefix}:${key}`, limit, window)
        return { allowed: retryAfter === 0, retryAfter }
      } catch {
        away = Date.now() + ms.limiterPause
        return undefined
      }
    },
    async close() {
      opened?.disconnect()
    },
  }
}
