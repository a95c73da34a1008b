import type { Store, Versioned } from '../../src/index.ts'
import { StatedError } from '../../src/internal.ts'
import { UnreadableRecord, ValueTooLarge } from '../../src/ports.ts'
import type { KeyPage, ObjectCall, ObjectRecord, ObjectReply } from '../workers/durable-object-store.ts'
import { within } from './deadline.ts'
import { newVersion } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'
import { probe } from './probe.ts'

export { LockgateStore } from '../workers/durable-object-store.ts'

/** The part of a binding to a Durable Object that is used. */
export interface ObjectNamespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(url: string, init: { method: string; body: string }): Promise<ObjectResponse> }
}

interface ObjectResponse {
  readonly ok: boolean
  readonly status: number
  json(): Promise<unknown>
}

/** Bytes of a value: an object accepts 128 KiB, of which its key, its version and its encoding take some. */
const LARGEST = 127 * 1024
/** Objects that are asked at the same time. */
const AT_ONCE = 16
/** Milliseconds that a user stays in the directory beyond the last grant, so that it is rarely written. */
const LISTED = 30 * 86_400_000

/**
 * Cloudflare Durable Objects: strong consistency on Workers. Each user has a separate object, so that the load spreads, and
 * a list of a user's grants asks one object.
 *
 * A directory, which is one more object, lists the users. It is written when a user signs in for the first time, and once a
 * month. A list of all grants asks the object of every user, and Workers limit how many such calls one request may make.
 *
 * @param namespace The binding to the class {@link LockgateStore}, for instance `env.LOCKGATE`.
 */
export function durableObject(namespace: ObjectNamespace): Store {
  async function call(name: string, body: ObjectCall): Promise<ObjectReply> {
    const stub = namespace.get(namespace.idFromName(name))
    const calling = async () => {
      const response = await stub.fetch('https://lockgate.invalid/', {
        method: 'POST',
        body: JSON.stringify(body),
      })
      if (!response.ok) throw new StatedError(`The Durable Object responded ${response.status}`)
      return (await response.json()) as ObjectReply
    }
    return within(calling())
  }

  const read = async <T>(folder: string, body: ObjectCall): Promise<T> =>
    (await call(objectOf(folder), body)).result as T

  /** Writes to a user's object, and then to the directory if that does not list the object for long enough. */
  async function write(
    key: string,
    body: ObjectCall & { readonly record: ObjectRecord },
  ): Promise<ObjectReply['result']> {
    const folder = folderOf(key)
    const { result, listedUntil } = await call(objectOf(folder), body)
    const { expiresAt } = body.record
    if (isUser(folder) && result !== false && (listedUntil ?? 0) < expiresAt) {
      const until = expiresAt + LISTED
      const record: ObjectRecord = { version: newVersion(), expiresAt: until, text: '' }
      await call(directoryOf(folder), { op: 'set', key: folder, record })
      await call(objectOf(folder), { op: 'listed', until })
    }
    return result
  }

  async function* list(name: string, prefix: string): AsyncIterable<string> {
    let after: string | undefined
    for (;;) {
      const { result } = await call(name, { op: 'keys', prefix, ...(after !== undefined && { after }) })
      const { keys, next } = result as KeyPage
      yield* keys
      if (next === undefined) return
      after = next
    }
  }

  const store: Store = {
    consistency: 'atomic',
    maxValueBytes: LARGEST,
    async get(key) {
      const found = await read<ObjectRecord | null>(folderOf(checkKey(key)), { op: 'get', key })
      const record = found && decode(found, key)
      if (record instanceof UnreadableRecord) throw record
      return record ?? undefined
    },
    async getMany(keys) {
      const folders = new Map<string, string[]>()
      for (const key of keys.map(checkKey)) {
        const folder = folderOf(key)
        folders.set(folder, [...(folders.get(folder) ?? []), key])
      }
      const found = new Map<string, Versioned | UnreadableRecord>()
      await atOnce([...folders], async ([folder, keys]) => {
        const records = await read<(ObjectRecord | null)[]>(folder, { op: 'getMany', keys })
        for (const [index, key] of keys.entries()) {
          const record = records[index]
          if (record) found.set(key, decode(record, key))
        }
      })
      return keys.map((key) => found.get(key))
    },
    async set(key, value, ttl) {
      await write(checkKey(key), { op: 'set', key, record: recordOf(value, ttl) })
    },
    async swap(key, version, value, ttl) {
      const record = recordOf(value, ttl)
      return (await write(checkKey(key), { op: 'swap', key, version: version ?? null, record })) === true
    },
    async delete(key) {
      await read(folderOf(checkKey(key)), { op: 'delete', key })
    },
    async *keys(prefix) {
      if (prefix === '' || folderOf(checkPrefix(prefix)) !== prefix) {
        throw new TypeError('Durable Objects can only list a prefix that ends with a colon')
      }
      yield* list(objectOf(prefix), prefix)
      if (isUser(prefix)) return
      let folders: string[] = []
      for await (const folder of list(directoryOf(prefix), prefix)) {
        if (folders.push(folder) < AT_ONCE) continue
        yield* await keysOf(folders)
        folders = []
      }
      yield* await keysOf(folders)
    },
    check: () => probe(store),
  }

  async function keysOf(folders: readonly string[]): Promise<string[]> {
    const lists = await Promise.all(
      folders.map(async (folder) => {
        const keys: string[] = []
        for await (const key of list(objectOf(folder), folder)) keys.push(key)
        return keys
      }),
    )
    return lists.flat()
  }

  return store
}

/** Returns the name of the object with a folder's records. A folder ends with a colon, so that no user is the root. */
const objectOf = (folder: string): string => folder || 'root'
/** Returns the name of the object that lists the folders in the folder above. */
const directoryOf = (folder: string): string => `directory:${folder.slice(0, folder.indexOf(':') + 1)}`
/** Returns whether a folder is in another one, as that of a user's grants is. */
const isUser = (folder: string): boolean => folder.split(':').length === 3

/** @throws {ValueTooLarge} For a value that an object does not accept. */
function recordOf(value: unknown, ttl: number): ObjectRecord {
  // An object stores a text with any character beyond Latin-1 in two bytes for each.
  const text = JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  if (text.length > LARGEST) throw new ValueTooLarge('A Durable Object', text.length, LARGEST)
  return { version: newVersion(), expiresAt: Date.now() + ttl * 1000, text }
}

function decode({ text, version }: ObjectRecord, key: string): Versioned | UnreadableRecord {
  try {
    return { value: JSON.parse(text), version }
  } catch {
    return new UnreadableRecord(key)
  }
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(work))
  }
}
