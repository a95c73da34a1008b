import type { Store } from '../../src/index.ts'
import type { ObjectCall, ObjectRecord } from '../workers/durable-object-store.ts'
import { within } from './deadline.ts'
import { newVersion } from './driver.ts'
import { checkKey, checkPrefix, folderOf } from './keys.ts'

export { LockgateStore } from '../workers/durable-object-store.ts'

/** What is used of a binding to a Durable Object. */
export interface ObjectNamespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(url: string, init: { method: string; body: string }): Promise<ObjectAnswer> }
}

interface ObjectAnswer {
  readonly ok: boolean
  readonly status: number
  json(): Promise<unknown>
}

/**
 * Cloudflare Durable Objects: strong consistency on Workers. Every user has an object of their own, so that load
 * spreads, and listing a user's grants asks one object. Only whole folders of keys can be listed.
 *
 * @param namespace The binding to the class {@link LockgateStore}, `env.LOCKGATE` for instance.
 */
export function durableObject(namespace: ObjectNamespace): Store {
  async function ask<T>(folder: string, call: ObjectCall): Promise<T> {
    // A folder ends with a colon: no user's object has the name of what has none.
    const stub = namespace.get(namespace.idFromName(folder || 'root'))
    const asking = async () => {
      const answer = await stub.fetch('https://lockgate.invalid/', {
        method: 'POST',
        body: JSON.stringify(call),
      })
      if (!answer.ok) throw new Error(`The Durable Object answered ${answer.status}`)
      return (await answer.json()) as { result: T }
    }
    return (await within(asking())).result
  }

  const askFor = <T>(call: Exclude<ObjectCall, { op: 'keys' }>): Promise<T> =>
    ask<T>(folderOf(checkKey(call.key)), call)

  const recordOf = (value: unknown, ttl: number): ObjectRecord => ({
    version: newVersion(),
    expiresAt: Date.now() + ttl * 1000,
    text: JSON.stringify(value),
  })

  return {
    consistency: 'atomic',
    async get(key) {
      const found = await askFor<ObjectRecord | null>({ op: 'get', key })
      return found ? { value: JSON.parse(found.text), version: found.version } : undefined
    },
    async set(key, value, ttl) {
      await askFor({ op: 'set', key, record: recordOf(value, ttl) })
    },
    swap: async (key, version, value, ttl) =>
      askFor<boolean>({ op: 'swap', key, version: version ?? null, record: recordOf(value, ttl) }),
    async delete(key) {
      await askFor({ op: 'delete', key })
    },
    async *keys(prefix) {
      if (folderOf(checkPrefix(prefix)) !== prefix) {
        throw new TypeError(
          'Durable Objects can only list what a prefix that ends with a colon stands before',
        )
      }
      yield* await ask<string[]>(prefix, { op: 'keys', prefix })
    },
  }
}
