import redisDriver from 'unstorage/drivers/redis'
import type { Store } from '../../src/index.ts'
import { type Closable, type Driver, decode, encode, newVersion } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'

/** What is used of ioredis. */
interface Client {
  on(event: 'error', listener: () => void): void
  defineCommand(name: string, script: { numberOfKeys: number; lua: string }): void
  lockgateWrite(record: string, index: string, ...args: (string | number)[]): Promise<number>
  lockgateDelete(record: string, index: string, key: string): Promise<number>
  zrangebyscore(index: string, from: string, to: string): Promise<string[]>
  scan(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    n: number,
  ): Promise<[string, string[]]>
}

/**
 * Writes a record, and its key into the index of its folder: a sorted set by the time of expiry. `ARGV`: the key, the
 * record, its lifetime and end in milliseconds, the time now, how the record written begins, and how the one it
 * replaces must begin: `*` where that does not matter, empty where there must be none.
 *
 * A command may be sent again when a connection was lost: what is already written counts as written.
 */
const WRITE = `
local now, expected = tonumber(ARGV[5]), ARGV[7]
if expected ~= '*' then
  local found = redis.call('GET', KEYS[1])
  if found and string.sub(found, 1, #ARGV[6]) == ARGV[6] then return 1 end
  if found and tonumber(string.match(found, '^{"version":"[^"]*","expiresAt":(%d+)')) <= now then found = false end
  if expected == '' and found then return 0 end
  if expected ~= '' and not (found and string.sub(found, 1, #expected) == expected) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return 1`

const DELETE = `
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])`

/** How a record with this version begins: what {@link encode} writes first. */
const headOf = (version: string): string => `{"version":${JSON.stringify(version)},`

/**
 * Redis 6 or later, or what speaks its protocol, over unstorage's `redis` driver and ioredis
 * (`npm install ioredis`). `swap` is a script on the server, and so atomic for every process. One server, not a
 * cluster. Nothing connects before the first use; a server that does not answer is an error within three seconds.
 *
 * @param options.url `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS.
 * @param options.prefix What all keys begin with, where the database is shared; default `lockgate`.
 */
export function redis(options: { url: string; prefix?: string }): Store & Closable {
  const base = checkKey(options.prefix ?? 'lockgate')
  const driver = redisDriver({
    url: options.url,
    base,
    connectTimeout: 2000,
    commandTimeout: 2500,
    maxRetriesPerRequest: 1,
    retryStrategy: (times: number) => Math.min(times * 100, 2000),
  }) as Driver
  let opened: Client | undefined

  function client(): Client {
    if (opened) return opened
    opened = driver.getInstance!() as Client
    // Every command that fails says so itself.
    opened.on('error', () => {})
    opened.defineCommand('lockgateWrite', { numberOfKeys: 2, lua: WRITE })
    opened.defineCommand('lockgateDelete', { numberOfKeys: 2, lua: DELETE })
    return opened
  }

  const recordOf = (key: string) => `${base}:${key}`
  // No key contains a star.
  const indexOf = (folder: string) => `${base}:${folder}*`

  async function write(key: string, expected: string, value: unknown, ttl: number): Promise<boolean> {
    const version = newVersion()
    const lifetime = Math.max(1, Math.round(ttl * 1000))
    const now = Date.now()
    const record = encode(value, ttl, version)
    const args = [key, record, lifetime, now + lifetime, now, headOf(version), expected]
    return (await client().lockgateWrite(recordOf(key), indexOf(folderOf(key)), ...args)) === 1
  }

  /** For prefixes that name no folder. */
  async function* scan(prefix: string): AsyncIterable<string> {
    const seen = new Set<string>()
    let cursor = '0'
    do {
      const [next, names] = await client().scan(cursor, 'MATCH', `${base}:${prefix}*`, 'COUNT', 500)
      for (const name of names) seen.add(name.slice(base.length + 1))
      cursor = next
    } while (cursor !== '0')
    for (const key of seen) {
      if (!key.endsWith('*') && decode(await driver.getItem(key), key)) yield key
    }
  }

  return {
    consistency: 'atomic',
    async get(key) {
      client()
      const envelope = decode(await driver.getItem(checkKey(key)), key)
      return envelope && { value: envelope.value, version: envelope.version }
    },
    async set(key, value, ttl) {
      await write(checkKey(key), '*', value, ttl)
    },
    swap: async (key, version, value, ttl) =>
      write(checkKey(key), version === undefined ? '' : headOf(version), value, ttl),
    async delete(key) {
      await client().lockgateDelete(recordOf(checkKey(key)), indexOf(folderOf(key)), key)
    },
    async *keys(prefix) {
      checkPrefix(prefix)
      // A folder of two parts, such as a user's, has no folders in it: its index knows all.
      if (/^[\w-]+:[\w-]+:$/.test(prefix)) {
        yield* await client().zrangebyscore(indexOf(prefix), `(${Date.now()}`, '+inf')
      } else {
        yield* scan(prefix)
      }
    },
    async close() {
      if (opened) await driver.dispose!()
    },
  }
}
