import { createProxy, type Store } from 'lockgate'
import { oauth2 } from 'lockgate/providers/oauth2'
import { oidc } from 'lockgate/providers/oidc'
import { memory } from 'lockgate/storage/memory'
import { postgres } from 'lockgate/storage/postgres'
import { redis } from 'lockgate/storage/redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { noPostgres, startPostgres } from '../support/postgres.ts'
import { noRedis, startRedis } from '../support/redis.ts'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type System,
  signIn,
  startSystem,
  type Tokens,
} from '../support/system.ts'

/** How each instance of a deployment comes to its store: through a connection of its own where there is a server. */
interface Shared {
  open(): Store & { close?(): Promise<void> }
  stop(): Promise<void>
}

const inOneProcess = async (): Promise<Shared> => {
  const storage: Store = { ...memory(), consistency: 'atomic' }
  return { open: () => storage, stop: async () => {} }
}

const DEPLOYMENTS: readonly [name: string, missing: string | undefined, start: () => Promise<Shared>][] = [
  ['memory', undefined, inOneProcess],
  [
    'Redis',
    noRedis,
    async () => {
      const { url, stop } = await startRedis()
      return { open: () => redis({ url }), stop }
    },
  ],
  [
    'PostgreSQL',
    noPostgres,
    async () => {
      const { url, stop } = await startPostgres()
      return { open: () => postgres({ url }), stop }
    },
  ],
]

const opened: { close?(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close?.()))
})

/** Several proxies with one store and one provider, as one deployment has them. */
async function startInstances(
  shared: Shared,
  options: Parameters<typeof startSystem>[0] = {},
): Promise<[System, System]> {
  const stores = [shared.open(), shared.open()] as const
  const first = await startSystem({ storage: stores[0], ...options })
  const upstream = oidc({ ...first.provider, name: 'the provider' })
  const second = await startSystem({ storage: stores[1], upstream, ...options })
  await second.provider.close()
  opened.push(first, ...stores)
  return [first, { ...second, provider: first.provider }]
}

describe.each(DEPLOYMENTS)('two instances on one %s', (_name, missing, start) => {
  if (missing) console.warn(`Left out: needs ${missing}.`)
  let shared: Shared
  beforeAll(async () => {
    if (!missing) shared = await start()
  })
  afterAll(() => shared?.stop())

  test.skipIf(missing)('carry on what the other one began', async () => {
    const [one, two] = await startInstances(shared)
    const client = await register(one)
    const signedIn = await signIn(two, client)
    const response = await one.post('/token', redeemParams(client, signedIn))
    const tokens = (await response.json()) as Tokens
    expect((await guarded(two, tokens.access_token)).status).toBe(200)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? one : two).post('/token', refreshParams(client, tokens.refresh_token)),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as Tokens[]
    expect(new Set(bodies.map((body) => body.refresh_token)).size).toBe(1)
  })

  test.skipIf(missing)('see a revocation within revocationLag', async () => {
    const [one, two] = await startInstances(shared)
    const { client, tokens } = await connect(one)
    expect((await guarded(two, tokens.access_token)).status).toBe(200)
    await one.post('/revoke', { client_id: client.id, token: tokens.refresh_token })
    expect((await guarded(one, tokens.access_token)).status, 'at once where it happened').toBe(401)
    two.clock.ahead += 5
    expect((await guarded(two, tokens.access_token)).status).toBe(401)
    expect(await outcome(await two.post('/token', refreshParams(client, tokens.refresh_token)))).toEqual([
      400,
      'invalid_grant',
    ])
  })

  test.skipIf(missing)('redeem one code once between them', async () => {
    const [one, two] = await startInstances(shared)
    const client = await register(one)
    const signedIn = await signIn(one, client)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? one : two).post('/token', redeemParams(client, signedIn)),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test.skipIf(missing)('refresh an expired provider token once between them', async () => {
    const [one, two] = await startInstances(shared, {
      providerTtl: 120,
      mcp: async (_request, auth) => new Response(await auth.upstream.accessToken()),
    })
    const { tokens } = await connect(one)
    const before = one.provider.requests.filter((line) => line === 'POST /token').length
    one.clock.ahead = 121
    two.clock.ahead = 121
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => guarded(index % 2 ? one : two, tokens.access_token)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1)
    expect(one.provider.requests.filter((line) => line === 'POST /token').length - before).toBe(1)
  })
})

test('a sealed client id is known at every instance, and to no stranger', async () => {
  const [one, two] = await startInstances(await inOneProcess())
  const client = await register(one)
  const params = { grant_type: 'refresh_token', refresh_token: 'x', client_id: client.id }
  expect((await outcome(await two.post('/token', params)))[1]).toBe('invalid_grant')
  const stranger = createProxy({
    url: 'http://localhost:8787',
    secret: 'another secret that is long enough for it',
    upstream: oauth2({
      authorizationEndpoint: 'https://a.example',
      tokenEndpoint: 'https://a.example',
      userinfoEndpoint: 'https://a.example',
      clientId: 'x',
    }),
    storage: memory(),
    mcp: 'http://127.0.0.1:1/mcp',
  })
  const request = new Request('http://localhost:8787/token', {
    method: 'POST',
    body: new URLSearchParams(params),
  })
  expect((await outcome(await stranger.fetch(request)))[1]).toBe('invalid_client')
})
