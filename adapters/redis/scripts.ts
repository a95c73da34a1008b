/**
 * Each script uses one key, so that it works wherever a cluster keeps that key. Each may run twice: an operation that
 * was already carried out counts as carried out.
 */
export const SCRIPTS = {
  /**
   * Writes a record. `ARGV`: the record, its lifetime in milliseconds, the time now, the beginning of the record, and the
   * beginning that the record it replaces must have. That is `*` if it does not matter, and empty if there must be none.
   */
  lockgateWrite: `
local now, expected = tonumber(ARGV[3]), ARGV[5]
local found = redis.call('GET', KEYS[1])
if found and string.sub(found, 1, #ARGV[4]) == ARGV[4] then return 1 end
if expected ~= '*' then
  local head, ends = found, nil
  if found then ends = string.match(found, '^{"version":"[^"]*","expiresAt":(%d+)') end
  if found and not ends then return redis.error_reply('UNREADABLE') end
  if found and tonumber(ends) <= now then head = false end
  if expected == '' and head then return 0 end
  if expected ~= '' and not (head and string.sub(head, 1, #expected) == expected) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`,
  /**
   * Adds a key to the index of its folder, a sorted set by the time of expiry. `ARGV`: the key, its expiry, the time now,
   * and the lifetime, in milliseconds.
   */
  lockgateIndex: `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known or tonumber(known) < tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`,
} as const

/** The scripts as methods of a client. */
export interface Scripts {
  lockgateWrite(
    record: string,
    text: string,
    lifetime: number,
    now: number,
    head: string,
    expected: string,
  ): Promise<number>
  lockgateIndex(index: string, key: string, expiresAt: number, now: number, lifetime: number): Promise<number>
}
