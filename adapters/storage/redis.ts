import type { Store, Versioned } from '../../src/index.ts'
import { ms, StatedError } from '../../src/internal.ts'
import { UnreadableRecord } from '../../src/ports.ts'
import type { Commands, RedisServer } from '../redis/client.ts'
import { openConnection } from '../redis/connection.ts'
import { SCRIPTS, type Scripts } from '../redis/scripts.ts'
import { evictionPolicy, explainReply } from '../redis/server.ts'
import { partOf } from './deployment.ts'
import { type Closable, decode, encode, newVersion } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'
import { probe } from './probe.ts'

export type { RedisClient, RedisServer } from '../redis/client.ts'

export interface RedisStoreOptions extends RedisServer {
  /**
   * The first part of all keys: letters, digits, `-` and `_`. By default `lockgate`, and deployments that share the
   * database are kept apart by their public URL. With a prefix they are not: give each its own.
   */
  readonly prefix?: string | undefined
}

const DEFAULT_PREFIX = 'lockgate'
/** Keys that the check reads. */
const PLACES = 32
/** Keys per step of a listing. */
const PAGE = 1000
/** The member of an index that knows all records of its folder. No key is a star. */
const COMPLETE = '*'

/** A reply about a key that another program wrote: no text, or a text that is no record. */
const orUnreadable = (key: string) => (error: unknown) => {
  throw /\b(UNREADABLE|WRONGTYPE)\b/.test(String(error)) ? new UnreadableRecord(key) : error
}

/** Reads a key of another type as MGET does. */
function orNothing(error: unknown): null {
  if (/\bWRONGTYPE\b/.test(String(error))) return null
  throw error
}

/** Returns the beginning of a record with this version, as {@link encode} writes it. */
const headOf = (version: string): string => `{"version":${JSON.stringify(version)},`

/**
 * Redis 6 or later, or a server that speaks its protocol, over ioredis (`npm install ioredis`): one server, several
 * behind Sentinel, or a cluster. `swap` is a script on the server, and so atomic for every process.
 *
 * Nothing connects before the first use. A server that does not respond is an error within three seconds. A connection
 * that no longer responds, or whose server has become a replica, is opened again.
 *
 * @throws {TypeError} For a wrong prefix, or if neither or both of `url` and `client` are given.
 */
export function redis(options: RedisStoreOptions): Store & Closable {
  const base = options.prefix ?? DEFAULT_PREFIX
  if (!/^[\w-]{1,100}$/.test(base)) {
    throw new TypeError(
      '`prefix` may contain letters, digits, - and _: a colon would put it inside another one',
    )
  }
  const connection = openConnection<Scripts>(options, SCRIPTS)
  let policy: { name: string | undefined; at: number } | undefined

  const recordOf = (key: string) => `${base}:${key}`
  const read = (commands: Commands, key: string) => commands.get(recordOf(key)).catch(orUnreadable(key))
  const indexOf = (folder: string) => `${base}:${folder}*`

  /** The key is in the index before the record is there, so that no record is missing from it. */
  async function write(key: string, expected: string, value: unknown, ttl: number): Promise<boolean> {
    const version = newVersion()
    const lifetime = Math.max(1, Math.round(ttl * 1000))
    const now = Date.now()
    const record = encode(value, ttl, version)
    const written = await connection.run(async (commands) => {
      const indexed = commands.lockgateIndex(indexOf(folderOf(key)), key, now + lifetime, now, lifetime)
      // One server runs commands in their order. A cluster keeps the two keys on different servers.
      if (connection.isCluster) await indexed
      const [result] = await Promise.all([
        commands
          .lockgateWrite(recordOf(key), record, lifetime, now, headOf(version), expected)
          .catch(orUnreadable(key)),
        indexed,
      ])
      return result
    })
    return written === 1
  }

  async function texts(keys: readonly string[]): Promise<readonly (string | null)[]> {
    if (keys.length === 0) return []
    const one = (commands: Commands) =>
      Promise.all(keys.map((key) => commands.get(recordOf(key)).catch(orNothing)))
    if (connection.isCluster) return connection.run(one)
    return connection
      .run((commands) => commands.mget(keys.map(recordOf)))
      .catch((error) => {
        // A cluster behind one address.
        if (!/\bCROSSSLOT\b/.test(String(error))) throw error
        return connection.run(one)
      })
  }

  /** Lists the keys under any prefix, a page at a time. */
  async function* scan(prefix: string): AsyncGenerator<string> {
    const seen = new Set<string>()
    for (const node of await connection.masters()) {
      let cursor = ''
      do {
        const era = connection.epoch
        const [next, names] = await connection.run(() =>
          node.scan(cursor || '0', 'MATCH', `${base}:${prefix}*`, 'COUNT', PAGE),
        )
        for (const name of names) {
          if (name.endsWith('*') || seen.has(name)) continue
          seen.add(name)
          yield name.slice(base.length + 1)
        }
        // A cursor means nothing to another server: begin again, and yield no key twice.
        cursor = connection.epoch === era ? next : ''
      } while (cursor !== '0')
    }
  }

  /** Returns whether the server may have dropped an index under memory pressure. */
  async function mayEvict(): Promise<boolean> {
    if (!policy || Date.now() - policy.at > ms.redisPolicy) {
      policy = { name: await connection.run(evictionPolicy), at: Date.now() }
    }
    return policy.name !== 'noeviction'
  }

  /** Lists the keys of one folder by its index. */
  async function listFolder(folder: string): Promise<string[]> {
    let members = await connection.run((commands) =>
      commands.zrangebyscore(indexOf(folder), `(${Date.now()}`, '+inf'),
    )
    if (!members.includes(COMPLETE) && (await mayEvict())) members = await rebuild(folder)
    const keys = members.filter((member) => member !== COMPLETE)
    // A write that lost its race leaves its key in the index until it expires.
    const present = await connection.run((commands) =>
      Promise.all(keys.map((key) => commands.exists(recordOf(key)))),
    )
    return keys.filter((_, index) => present[index] === 1)
  }

  /** Makes the index of a folder again from its records, and marks it as complete. The server drops it as a whole. */
  async function rebuild(folder: string): Promise<string[]> {
    const keys: string[] = []
    for await (const key of scan(folder)) keys.push(key)
    const records = await texts(keys)
    const now = Date.now()
    const entries = keys.flatMap((key, index) => {
      const expiresAt = expiryOf(records[index])
      return expiresAt > now ? [{ key, expiresAt }] : []
    })
    const index = indexOf(folder)
    await connection.run((commands) =>
      Promise.all([
        ...entries.map(({ key, expiresAt }) =>
          commands.lockgateIndex(index, key, expiresAt, now, expiresAt - now),
        ),
        commands.lockgateIndex(index, COMPLETE, Number.MAX_SAFE_INTEGER, now, ms.redisIndex),
      ]),
    )
    return entries.map(({ key }) => key)
  }

  /** Reads in many places, so that a cluster shows itself at once even if the first server has the probe. */
  const reachAllSlots = () =>
    connection.run((commands) =>
      Promise.all(
        Array.from({ length: PLACES }, () => commands.get(recordOf(`probe:${crypto.randomUUID()}`))),
      ),
    )

  const store: Store & Closable = {
    consistency: 'atomic',
    async get(key) {
      checkKey(key)
      const envelope = decode(await connection.run((commands) => read(commands, key)), key)
      return envelope && { value: envelope.value, version: envelope.version }
    },
    async getMany(keys) {
      const found = await texts(keys.map(checkKey))
      return keys.map((key, index) => decodeOne(found[index], key))
    },
    async set(key, value, ttl) {
      await write(checkKey(key), '*', value, ttl)
    },
    swap: async (key, version, value, ttl) =>
      write(checkKey(key), version === undefined ? '' : headOf(version), value, ttl),
    async delete(key) {
      checkKey(key)
      await connection.run((commands) =>
        Promise.all([commands.del(recordOf(key)), commands.zrem(indexOf(folderOf(key)), key)]),
      )
    },
    async *keys(prefix) {
      checkPrefix(prefix)
      // The index of a folder of two parts, such as a user's, knows all of it: there are no folders in it.
      if (/^[\w-]+:[\w-]+:$/.test(prefix)) yield* await listFolder(prefix)
      else yield* scan(prefix)
    },
    ...(options.prefix === undefined && { forIssuer: (issuer: string) => partOf(store, issuer) }),
    async check() {
      await Promise.all([probe(store), reachAllSlots()]).catch((error) => {
        const text = explainReply(error)
        throw text === undefined ? error : new StatedError(text, { cause: error })
      })
    },
    async warnings() {
      const name = await connection.run(evictionPolicy)
      if (name === 'noeviction') return []
      return [
        name === undefined
          ? 'Redis does not tell its maxmemory-policy: make sure that it is noeviction, or users lose their sign-ins when memory is short'
          : `Redis drops records when memory is short (maxmemory-policy ${name}): set it to noeviction, or users lose their sign-ins`,
      ]
    },
    async close() {
      connection.close()
    },
  }
  return store
}

/** Returns the expiry that the beginning of a record names, or 0. */
const expiryOf = (text: string | null | undefined): number =>
  Number(/^\{"version":"[^"]*","expiresAt":(\d+)/.exec(text ?? '')?.[1] ?? 0)

/** Returns a record among many, so that one that is not readable does not hide the others. */
function decodeOne(text: string | null | undefined, key: string): Versioned | UnreadableRecord | undefined {
  try {
    const envelope = decode(text, key)
    return envelope && { value: envelope.value, version: envelope.version }
  } catch (error) {
    if (error instanceof UnreadableRecord) return error
    throw error
  }
}
