import { type Store, UnreadableRecord } from '../../src/ports.ts'
import { checkKey, checkPrefix } from './keys.ts'

/** Seconds: the choice of a place lasts as long as the deployment. */
const LASTING = 100 * 365 * 24 * 3600
/** Records per read. */
const BATCH = 500

/**
 * Returns the part of a store that belongs to one deployment: the first part of each key names it, as in
 * `grant-<deployment>:<user>:<id>`.
 *
 * Older versions wrote all keys without a name. A deployment whose records they are goes on without one, so that its
 * instances of both versions see the same records. The choice is made once, and stored under `home:<deployment>`.
 *
 * @param issuer The deployment's public URL.
 */
export function partOf(store: Store, issuer: string): Store {
  let choosing: Promise<string> | undefined

  function suffix(): Promise<string> {
    choosing ??= choose(store, issuer).catch((error) => {
      choosing = undefined
      throw error
    })
    return choosing
  }

  async function rename(key: string): Promise<string> {
    checkKey(key)
    const name = await suffix()
    const end = firstPart(key)
    return key.slice(0, end) + name + key.slice(end)
  }
  const { consistency, maxValueBytes } = store
  const getMany = store.getMany?.bind(store)

  return {
    consistency,
    ...(maxValueBytes !== undefined && { maxValueBytes }),
    get: async (key) => store.get(await rename(key)),
    ...(getMany && { getMany: async (keys) => getMany(await Promise.all(keys.map(rename))) }),
    set: async (key, value, ttl) => store.set(await rename(key), value, ttl),
    swap: async (key, version, value, ttl) => store.swap(await rename(key), version, value, ttl),
    delete: async (key) => store.delete(await rename(key)),
    async *keys(prefix) {
      if (!checkPrefix(prefix).includes(':')) throw new TypeError('The first part of a prefix must be whole')
      const name = await suffix()
      const end = firstPart(prefix)
      for await (const key of store.keys(prefix.slice(0, end) + name + prefix.slice(end))) {
        yield key.slice(0, end) + key.slice(end + name.length)
      }
    },
  }
}

/** Returns the end of a key's first part. */
const firstPart = (key: string): number => `${key}:`.indexOf(':')

/** Returns what the deployment adds to the first part of its keys: `-<deployment>`, or nothing. */
async function choose(store: Store, issuer: string): Promise<string> {
  const name = await nameOf(issuer)
  const mark = `home:${name}`
  for (;;) {
    const known = await store.get(mark)
    if (known) return (known.value as { named: boolean }).named ? `-${name}` : ''
    await store.swap(mark, undefined, { named: !(await hasOlderRecords(store, issuer)) }, LASTING)
  }
}

/**
 * Returns whether an older version wrote records for this deployment. Grants name its URL. Registrations do not, so
 * without any grant they are taken for its own.
 */
async function hasOlderRecords(store: Store, issuer: string): Promise<boolean> {
  const url = JSON.stringify(issuer).slice(1, -1)
  let batch: string[] = []
  let grants = false
  const mentions = async () => {
    const found = await readMany(store, batch)
    batch = []
    return found.some(
      (one) => one && !(one instanceof UnreadableRecord) && JSON.stringify(one.value).includes(url),
    )
  }
  for await (const key of store.keys('grant:')) {
    grants = true
    batch.push(key)
    if (batch.length === BATCH && (await mentions())) return true
  }
  if (grants) return mentions()
  for await (const _ of store.keys('client:')) return true
  return false
}

const readMany = (store: Store, keys: readonly string[]) =>
  store.getMany?.(keys) ?? Promise.all(keys.map((key) => store.get(key)))

/** Returns a short name for a deployment that is valid in a key. */
async function nameOf(issuer: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(issuer))
  return Array.from(new Uint8Array(hash.slice(0, 6)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
