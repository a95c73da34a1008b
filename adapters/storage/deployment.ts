import { type Store, UnreadableRecord } from '../../src/ports.ts'
import { checkKey, checkPrefix } from './keys.ts'

/** Seconds: the choice of a place lasts as long as the deployment. */
const LASTING = 100 * 365 * 24 * 3600
/** Records per read. */
const BATCH = 500

/**
 * Returns the part of a store that belongs to one deployment. The first deployment on a server has the plain keys, as every
 * deployment of an older version has. For any other, the first part of each key names it, as in
 * `grant-<deployment>:<user>:<id>`.
 *
 * The choice is made once, and stored under `home:<deployment>`. Instances of an older and of this version therefore see
 * the same records.
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
  for (;;) {
    const known = await store.get(`home:${name}`)
    if (known) return (known.value as { named: boolean }).named ? `-${name}` : ''
    const named = !(await hasPlainKeys(store, issuer))
    await store.swap(`home:${name}`, undefined, { named }, LASTING)
  }
}

/** Returns whether the plain keys belong to a deployment: an older version of it wrote grants there, or it comes first. */
async function hasPlainKeys(store: Store, issuer: string): Promise<boolean> {
  const owner = await store.get('home:owner')
  if (owner?.value === issuer) return true
  const grants = await whoseGrants(store, issuer)
  if (grants === 'own') return true
  return !owner && grants === 'none' && store.swap('home:owner', undefined, issuer, LASTING)
}

/**
 * Returns whether a grant was made by a deployment. Only these two members say so: a client chooses its name, and another
 * deployment may have a URL that begins alike.
 */
function isOwn(grant: unknown, issuer: string): boolean {
  if (typeof grant !== 'object' || grant === null) return false
  const { issuer: maker, resource } = grant as { readonly issuer?: unknown; readonly resource?: unknown }
  if (maker !== undefined) return maker === issuer
  return resource === issuer || (typeof resource === 'string' && resource.startsWith(`${issuer}/`))
}

/** Returns whose grants an older version wrote. */
async function whoseGrants(store: Store, issuer: string): Promise<'own' | 'foreign' | 'none'> {
  let batch: string[] = []
  let found = false
  const hasOwn = async () => {
    const records = await readMany(store, batch)
    batch = []
    return records.some((one) => one && !(one instanceof UnreadableRecord) && isOwn(one.value, issuer))
  }
  for await (const key of store.keys('grant:')) {
    found = true
    batch.push(key)
    if (batch.length === BATCH && (await hasOwn())) return 'own'
  }
  if (await hasOwn()) return 'own'
  return found ? 'foreign' : 'none'
}

const readMany = (store: Store, keys: readonly string[]) =>
  store.getMany?.(keys) ?? Promise.all(keys.map((key) => store.get(key)))

/** Returns a short name for a deployment that is valid in a key. */
async function nameOf(issuer: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(issuer))
  return Array.from(new Uint8Array(hash.slice(0, 6)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
