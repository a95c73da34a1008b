import { ConfigError, type ProxyOptions } from 'lockgate'
import { cloudflareKv } from 'lockgate/storage/cloudflare-kv'
import { memory } from 'lockgate/storage/memory'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hexDigest } from '../../src/crypto/digest.ts'
import { ms, scaleTiming } from '../../src/timing.ts'
import { createKvModel } from '../support/kv-model.ts'
import { connect, guarded, register, type StartedSystem, startSystem } from '../support/system.ts'

const [OLD, NEW, NEWER] = ['old', 'new', 'newer'].map((one) => `the ${one} secret of a rotation, long enough`)
const KEY = 'an API key of these tests, long enough to be one'

type Secrets = readonly [string, ...string[]]
const of = (...names: string[]) => names as unknown as Secrets

/** The settings of each step that an operator may try. Every one has the secret that the ids follow, or names it. */
const ORDERS: Readonly<Record<string, readonly Partial<ProxyOptions>[]>> = {
  'old,new → new,old': [{ secret: of(OLD!, NEW!) }, { secret: of(NEW!, OLD!) }],
  'old,new,old → new,old': [{ secret: of(OLD!, NEW!, OLD!) }, { secret: of(NEW!, OLD!) }],
  'new,old at once': [{ secret: of(NEW!, OLD!) }],
  'new,old → old,new → old': [{ secret: of(NEW!, OLD!) }, { secret: of(OLD!, NEW!) }, { secret: OLD! }],
  'three secrets, in any order': [
    { secret: of(NEW!, OLD!) },
    { secret: of(NEWER!, NEW!, OLD!) },
    { secret: of(NEWER!, OLD!, NEW!) },
    { secret: of(OLD!, NEWER!, NEW!) },
  ],
  'old removed, and named as userIdSecret': [
    { secret: of(OLD!, NEW!) },
    { secret: of(NEW!, OLD!) },
    { secret: NEW!, userIdSecret: OLD! },
    { secret: of(NEW!, NEWER!), userIdSecret: OLD! },
    { secret: of(NEWER!, NEW!), userIdSecret: OLD! },
    { secret: NEWER!, userIdSecret: OLD! },
  ],
}

let system: StartedSystem
const start = async (options: Partial<ProxyOptions> = {}) => {
  system = await startSystem({
    secret: OLD!,
    apiKeys: [{ name: 'build', keyHash: hexDigest(KEY) }],
    clients: [
      {
        clientId: 'job',
        clientSecret: 'j'.repeat(40),
        redirectUris: [],
        scopes: ['mcp'],
        clientCredentials: true,
      },
    ],
    limits: false,
    ...options,
  })
}
beforeEach(() => {
  Object.assign(ms, { eventualRead: [1] })
})
afterEach(async () => {
  scaleTiming(1)
  await system.close()
})

const idBy = async (at: StartedSystem, token: string): Promise<string> => {
  const response = await guarded(at, token)
  expect(response.status).toBe(200)
  return ((await response.json()) as { user: string }).user
}

/** The ids of a user, of an API key and of a client for itself, each of a new sign-in at one instance. */
async function idsAt(at: StartedSystem): Promise<readonly string[]> {
  const client = await register(at)
  const { tokens } = await connect(at, { client, login: 'ada' })
  const own = await at.post('/token', {
    grant_type: 'client_credentials',
    client_id: 'job',
    client_secret: 'j'.repeat(40),
  })
  const { access_token } = (await own.json()) as { access_token: string }
  return [await idBy(at, tokens.access_token), await idBy(at, KEY), await idBy(at, access_token)]
}

describe.each(Object.entries(ORDERS))(
  'two instances, secrets changed one after the other: %s',
  (_, steps) => {
    test('each user, each key and each client keeps its id', async () => {
      await start()
      const instances = [system, system.another()]
      const before = await idsAt(system)
      expect(new Set(before).size).toBe(3)
      for (const step of steps) {
        for (const index of instances.keys()) {
          instances[index] = system.another(step)
          await expect(instances[index]!.proxy.checkUserIds()).resolves.toBeUndefined()
          expect(await idsAt(instances[index]!)).toEqual(before)
          expect(await idBy(instances[1 - index]!, KEY)).toBe(before[1])
        }
      }
    })

    test('also on a store that is eventually consistent', async () => {
      await start()
      const model = createKvModel(() => Date.now() + system.clock.ahead * 1000, 0)
      const at = (place: string, changes: Partial<ProxyOptions> = {}) =>
        system.another({ ...changes, storage: cloudflareKv(model.at(place), { acceptStaleness: true }) })
      const before = await idsAt(at('A'))
      system.clock.ahead += 61
      for (const step of steps) {
        for (const place of ['B', 'A']) {
          expect(await idsAt(at(place, step))).toEqual(before)
          system.clock.ahead += 61
        }
      }
    })
  },
)

test('instances that start at once with other orders, on an empty storage, choose the same ids', async () => {
  await start()
  const storage = memory()
  const [one, other] = [of(OLD!, NEW!), of(NEW!, OLD!)].map((secret) => system.another({ secret, storage }))
  const ids = await Promise.all([one, other, one, other].map((at) => idBy(at!, KEY)))
  expect(new Set(ids).size).toBe(1)
})

test('the choice outlives the grants that it was made by', async () => {
  await start()
  const before = await idsAt(system)
  expect(await idsAt(system.another({ secret: of(OLD!, NEW!) }))).toEqual(before)
  const keys = []
  for await (const key of system.store.keys('grant:')) keys.push(key)
  for (const key of keys) await system.store.delete(key)
  expect(await idsAt(system.another({ secret: of(OLD!, NEW!) }))).toEqual(before)
})

test('a process looks once, and with one secret never', async () => {
  await start()
  await idsAt(system)
  const rotating = system.another({ secret: of(OLD!, NEW!) })
  await idsAt(rotating)
  system.store.reset()
  for (let round = 0; round < 5; round++) await idBy(rotating, KEY)
  for (const one of [
    { secret: OLD! },
    { secret: of(OLD!, OLD!) },
    { secret: of(NEW!, NEWER!), userIdSecret: OLD! },
  ])
    await idBy(system.another(one), KEY)
  expect([system.store.reads, system.store.writes]).toEqual([0, 0])
})

test('a note that is damaged is made again', async () => {
  await start()
  const before = await idsAt(system)
  for (const damage of [null, 'x', { id: 7 }, { id: '', at: 'x' }]) {
    await system.store.set('user-ids', damage, 1000)
    expect(await idsAt(system.another({ secret: of(OLD!, NEW!) }))).toEqual(before)
  }
})

test('a list that the storage never finishes ends a request with 503, and the next one finds the secret', async () => {
  await start()
  const { store } = system
  Object.assign(ms, { storageListing: 50 })
  let hangs = true
  const storage: typeof store = {
    ...store,
    async *keys(prefix) {
      if (hangs) await new Promise(() => {})
      yield* store.keys(prefix)
    },
  }
  const at = system.another({ secret: of(NEW!, OLD!), storage })
  const response = await guarded(at, KEY)
  expect(response.status).toBe(503)
  hangs = false
  expect(await idBy(at, KEY)).toBe(await idBy(system, KEY))
})

describe('the secret that the ids follow was removed', () => {
  beforeEach(async () => {
    await start()
    await system.proxy.checkUserIds()
  })
  const check = (changes: Partial<ProxyOptions>) => system.another(changes).proxy.checkUserIds()

  test.each([{ secret: NEW! }, { secret: of(NEW!, NEWER!) }])(
    'the check says so each time, names what to do, and changes nothing',
    async (changes) => {
      for (let round = 0; round < 2; round++) {
        const error = await check(changes).catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(ConfigError)
        const [issue] = (error as ConfigError).issues
        expect(issue).toMatchObject({ path: 'secret', message: expect.stringMatching(/userIdSecret/) })
        expect(JSON.stringify(issue)).not.toContain(NEW!.slice(0, 7))
      }
      await check({ secret: OLD! })
    },
  )

  test('naming it keeps the ids, and the check is content', async () => {
    const before = await idsAt(system)
    const changes = { secret: NEW!, userIdSecret: OLD! }
    await check(changes)
    expect(await idsAt(system.another(changes))).toEqual(before)
  })

  test('naming a current one accepts new ids, and the check knows them from then on', async () => {
    const before = await idsAt(system)
    const changes = { secret: NEW!, userIdSecret: NEW! }
    await check(changes)
    expect(await idsAt(system.another(changes))).not.toEqual(before)
    await check({ secret: NEW! })
    await expect(check({ secret: OLD! })).rejects.toThrow(ConfigError)
  })

  test('a process with several other secrets says so in an event', async () => {
    await idBy(system.another({ secret: of(NEW!, NEWER!) }), KEY)
    expect(system.events).toContainEqual(
      expect.objectContaining({ type: 'failed', reason: 'user-ids-changed' }),
    )
  })
})

test('several secrets are a warning, until one of them is named', async () => {
  await start()
  const warned = (changes: Partial<ProxyOptions>) =>
    system.another(changes).proxy.warnings.filter(({ path }) => path === 'secret')
  expect(warned({ secret: of(NEW!, OLD!) })).toEqual([
    { path: 'secret', message: expect.stringContaining('userIdSecret') },
  ])
  expect(warned({ secret: of(NEW!, OLD!), userIdSecret: OLD! })).toEqual([])
  expect(warned({ secret: of(OLD!, OLD!) })).toEqual([])
})
