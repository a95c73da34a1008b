import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { ValueTooLarge } from 'lockgate'
import { cloudflareKv, type KvNamespace } from 'lockgate/storage/cloudflare-kv'
import { durableObject, LockgateStore, type ObjectNamespace } from 'lockgate/storage/durable-object'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listed } from './key-rules.ts'
import { allowSlowEngines } from './patience.ts'
import { race } from './race.ts'
import { testStore } from './store-contract.ts'

const options = { modules: true, compatibilityDate: '2026-04-01' }

async function startKv() {
  const worker = new Miniflare({
    ...options,
    script: 'export default { fetch: () => new Response() }',
    kvNamespaces: ['KV'],
  })
  return { worker, kv: (await worker.getKVNamespace('KV')) as unknown as KvNamespace }
}

async function startObjects() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../adapters/workers/durable-object-store.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
  })
  const worker = new Miniflare({
    ...options,
    script: `${outputFiles[0]!.text}
      export class Alarmed extends LockgateStore {
        constructor(state) { super(state); this.state = state }
        async fetch(request) {
          if (request.method === 'POST') return super.fetch(request)
          const first = await this.state.storage.getAlarm()
          await this.state.storage.deleteAlarm()
          await this.alarm()
          const keys = [...(await this.state.storage.list()).keys()]
          return Response.json({ first, keys, next: await this.state.storage.getAlarm() })
        }
      }
      export default {
        async fetch(request, env) {
          const [space, name] = JSON.parse(decodeURIComponent(request.headers.get('x-object')))
          const objects = env[space]
          const { method } = request
          const body = await request.text()
          return objects.get(objects.idFromName(name)).fetch(request.url, { method, body })
        }
      }`,
    durableObjects: {
      STORE: { className: 'LockgateStore', useSQLite: true },
      ALARMED: { className: 'Alarmed', useSQLite: true },
    },
  })
  return { worker, objects: objectsOf(worker, 'STORE') }
}

/** Objects that are asked over HTTP: the bindings that Miniflare offers block this process for each property. */
const objectsOf = (worker: Miniflare, space: string): ObjectNamespace => ({
  idFromName: (name) => name,
  get: (name) => ({
    async fetch(url, init) {
      const headers = { 'x-object': encodeURIComponent(JSON.stringify([space, name])) }
      return worker.dispatchFetch(url, { ...init, headers })
    },
  }),
})

/** Objects of this process, on storage that is sorted as the platform's is. */
function inProcess(): ObjectNamespace {
  const objects = new Map<unknown, LockgateStore>()
  function create(): LockgateStore {
    const data = new Map<string, unknown>()
    return new LockgateStore({
      storage: {
        get: async (key: string | string[]) =>
          (Array.isArray(key) ? new Map(key.map((one) => [one, data.get(one)])) : data.get(key)) as never,
        put: async (key, value) => void data.set(key, value),
        delete: async (keys) => [keys].flat().forEach((key) => void data.delete(key)),
        async list({ prefix = '', startAfter = '', limit }) {
          const found = [...data].filter(([key]) => key.startsWith(prefix) && key > startAfter)
          return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit))
        },
        getAlarm: async () => 1,
        setAlarm: async () => {},
      },
    })
  }
  return {
    idFromName: (name) => name,
    get(id) {
      const object = objects.get(id) ?? create()
      objects.set(id, object)
      return { fetch: (url, init) => object.fetch(new Request(url, init)) }
    },
  }
}

testStore('cloudflare-kv', 'eventual', async () => {
  const { worker, kv } = await startKv()
  return { store: cloudflareKv(kv), close: () => worker.dispose() }
})

testStore('durable-object', 'atomic', async () => {
  const { worker, objects } = await startObjects()
  return { store: durableObject(objects), lists: 'folders', close: () => worker.dispose() }
})

test('cloudflare-kv waits where a key has been written too often, and gives up in the end', async () => {
  const { worker, kv } = await startKv()
  let refusals = 2
  const busy: KvNamespace = {
    get: (key) => kv.get(key),
    delete: (key) => kv.delete(key),
    list: (options) => kv.list(options),
    async put(key, value, options) {
      if (refusals-- > 0) throw new Error('KV PUT failed: 429 Too Many Requests')
      await kv.put(key, value, options)
    },
  }
  const store = cloudflareKv(busy)
  await store.set('a', 'written', 60)
  expect((await store.get('a'))?.value).toBe('written')
  refusals = 100
  await expect(store.set('a', 'refused', 60)).rejects.toThrow('429')
  await worker.dispose()
})

describe('durable-object', () => {
  allowSlowEngines()
  let worker: Miniflare
  let objects: ObjectNamespace
  beforeAll(async () => {
    ;({ worker, objects } = await startObjects())
  })
  afterAll(() => worker.dispose())

  test('of 60 through three stores, one wins', async () => {
    const stores = [1, 2, 3].map(() => durableObject(objects))
    const created = await Promise.all(stores.map((store) => race(store, 'grant:u:1', undefined, 20)))
    expect(created.reduce((sum, wins) => sum + wins)).toBe(1)
    const { version } = (await stores[0]!.get('grant:u:1'))!
    const changed = await Promise.all(stores.map((store) => race(store, 'grant:u:1', version, 20)))
    expect(changed.reduce((sum, wins) => sum + wins)).toBe(1)
  })

  test('every user has an object of their own', async () => {
    const names: string[] = []
    const store = durableObject({
      idFromName(name) {
        names.push(name)
        return objects.idFromName(name)
      },
      get: (id) => objects.get(id),
    })
    for (const key of ['grant:ada:1', 'grant:ada:2', 'grant:bob:1', 'alone']) await store.set(key, 1, 60)
    // The first sign-in of a user is written to the directory, and noted in the user's object.
    const first = (user: string) => [`grant:${user}:`, 'directory:grant:', `grant:${user}:`]
    expect(names).toEqual([...first('ada'), 'grant:ada:', ...first('bob'), 'root'])
  })

  test('lists the grants of all users, also of many', async () => {
    const store = durableObject(objects)
    const expected = new Set<string>()
    for await (const key of store.keys('grant:')) expected.add(key)
    const keys = Array.from({ length: 60 }, (_, index) => `grant:user${index % 40}:listed${index}`)
    for (const key of keys) await store.set(key, key, 60)
    await store.swap('grant:swapped:1', undefined, 1, 60)
    const found = await listed(store, 'grant:')
    expect(found).toEqual([...expected, ...keys, 'grant:swapped:1'].sort())
    const records = await store.getMany!([...keys, 'grant:unknown:1'])
    expect(records.map((one) => (one as { value: unknown } | undefined)?.value)).toEqual([...keys, undefined])
  })

  test('lists more keys than one page holds', async () => {
    const store = durableObject(inProcess())
    const keys = Array.from({ length: 2300 }, (_, index) => `client:app-${String(index).padStart(5, '0')}`)
    for (const [index, key] of keys.entries()) await store.set(key, 1, index % 3 === 0 ? 0.001 : 60)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await listed(store, 'client:')).toEqual(keys.filter((_, index) => index % 3 !== 0))
  })

  test('refuses to list what it cannot, instead of an empty list', async () => {
    const store = durableObject(objects)
    for (const prefix of ['', 'gra', 'grant:u']) {
      await expect(listed(store, prefix)).rejects.toThrow('can only list a prefix that ends with a colon')
    }
  })

  test.each([
    ['plain', 'x'],
    ['of many languages', 'ü漢😀'],
  ])('takes a value of the size that it states, %s, and refuses a larger one', async (_name, text) => {
    const store = durableObject(objects)
    const unit = JSON.stringify(text).replace(/[^ -~]/g, '\\u0000').length - 2
    const fits = text.repeat(Math.floor((store.maxValueBytes! - 2) / unit))
    await store.set('grant:large:1', fits, 60)
    expect((await store.get('grant:large:1'))?.value).toBe(fits)
    const error = await store
      .swap('grant:large:2', undefined, `${fits}${text}xxxxxxxxxxxxx`, 60)
      .catch((error) => error)
    expect(error).toBeInstanceOf(ValueTooLarge)
    expect(error).toMatchObject({
      limit: store.maxValueBytes,
      message: expect.stringMatching(/Durable Object accepts/),
    })
    expect(await store.get('grant:large:2')).toBeUndefined()
  })

  test('its alarm comes after the first end, removes what has expired, and comes again for the rest', {
    timeout: 120_000,
  }, async () => {
    const alarmed = objectsOf(worker, 'ALARMED')
    const store = durableObject(alarmed)
    const began = Date.now()
    for (let index = 0; index < 300; index++) await store.set(`grant:u:short${index}`, 1, 0.5)
    await store.set('grant:u:long', 1, 600)
    await new Promise((resolve) => setTimeout(resolve, 600))
    const ring = { method: 'PUT', body: '' }
    const answer = await alarmed.get(alarmed.idFromName('grant:u:')).fetch('https://lockgate.invalid/', ring)
    const { first, keys, next } = (await answer.json()) as { first: number; keys: string[]; next: number }
    expect(keys).toEqual(['*listed', 'grant:u:long'])
    expect(first - began).toBeGreaterThan(60_000)
    expect(first - began).toBeLessThan(70_000)
    expect(next - began).toBeGreaterThan(660_000)
  })

  test('an object that fails is an error, never an absence', async () => {
    const broken = { ok: false, status: 500, json: async () => ({ result: null }) }
    const store = durableObject({ idFromName: (name) => name, get: () => ({ fetch: async () => broken }) })
    await expect(store.get('a')).rejects.toThrow('500')
    await expect(store.swap('a', undefined, 1, 60)).rejects.toThrow('500')
  })
})
