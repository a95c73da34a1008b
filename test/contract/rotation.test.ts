import { redis } from 'lockgate/storage/redis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import {
  connect,
  guarded,
  refreshParams,
  register,
  type StartedSystem,
  startSystem,
  type TestClient,
  type Tokens,
} from '../support/system.ts'

const OLD = 'the old secret of the rotation, long enough to be one'
const NEW = 'the new secret of the rotation, long enough to be one'

type Secrets = readonly [string, ...string[]]

/** The secrets after each step: as the guide to operation lists them, and as its earlier editions did. */
const ORDERS: readonly (readonly [order: string, steps: readonly Secrets[]])[] = [
  [
    'old,new → new,old',
    [
      [OLD, NEW],
      [NEW, OLD],
    ],
  ],
  [
    'old,new,old → new,old',
    [
      [OLD, NEW, OLD],
      [NEW, OLD],
    ],
  ],
]

if (noRedis) console.warn(`A rotation over two instances is not tested: it needs ${noRedis}`)

/** One user with one client, who goes on whatever happens to the instances. */
interface Visitor {
  readonly client: TestClient
  tokens: Tokens
}

describe.skipIf(noRedis)('secrets are rotated over two instances on one Redis', () => {
  let server: RedisServer
  let system: StartedSystem
  beforeEach(async () => {
    server = await startRedis()
    system = await startSystem({ secret: OLD, storage: redis({ url: server.url }), limits: false })
  })
  afterEach(async () => {
    await system?.close()
    await server?.stop()
  })

  test.each(ORDERS)(
    'one after the other under load, %s: no request fails, and each user keeps their id',
    {
      timeout: 60_000,
    },
    async (_, steps) => {
      const instances = [system, system.another()]
      /** The instance that a load balancer would choose. */
      let turn = 0
      const next = () => instances[turn++ % instances.length]!
      const failures: string[] = []
      let [requests, isOver] = [0, false]
      const check = async (what: string, asked: Promise<Response>): Promise<Response> => {
        requests++
        const response = await asked
        if (response.status >= 400)
          failures.push(`${what}: ${response.status} ${await response.clone().text()}`)
        return response
      }
      const userOf = async (one: Visitor, at: StartedSystem): Promise<string> =>
        ((await (await guarded(at, one.tokens.access_token)).json()) as { user: string }).user

      const visitors = await Promise.all(
        ['ada', 'bob', 'eve'].map(async (login): Promise<Visitor> => {
          const client = await register(next())
          return { client, tokens: (await connect(next(), { client, login })).tokens }
        }),
      )
      const before = await Promise.all(visitors.map((one) => userOf(one, system)))
      expect(new Set(before).size).toBe(3)

      /** Calls, refreshes, and signs in anew, each time at the other instance. */
      async function visit(one: Visitor, login: string): Promise<void> {
        while (!isOver) {
          await check('call', guarded(next(), one.tokens.access_token))
          const renewed = await check(
            'refresh',
            next().post('/token', refreshParams(one.client, one.tokens.refresh_token)),
          )
          if (renewed.status === 200) one.tokens = (await renewed.json()) as Tokens
          await check('call', guarded(next(), one.tokens.access_token))
          const { tokens } = await connect(next(), { client: one.client, login })
          await check('call', guarded(next(), tokens.access_token))
        }
      }
      const load = Promise.all(visitors.map((one, index) => visit(one, ['ada', 'bob', 'eve'][index]!)))
      for (const secret of steps) {
        for (const index of instances.keys()) {
          await new Promise((resolve) => setTimeout(resolve, 1500))
          instances[index] = system.another({ secret })
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 1500))
      isOver = true
      await load
      expect(failures).toEqual([])
      expect(requests).toBeGreaterThan(30)
      expect(await Promise.all(visitors.map((one) => userOf(one, instances[0]!)))).toEqual(before)

      // A user who signs in only now is still the same user.
      const client = await register(instances[1]!)
      const { tokens } = await connect(instances[1]!, { client, login: 'ada' })
      expect(await userOf({ client, tokens }, instances[0]!)).toBe(before[0])
    },
  )
})
