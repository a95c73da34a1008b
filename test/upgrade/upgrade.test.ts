import type { ProxyOptions } from 'lockgate'
import { redis } from 'lockgate/storage/redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Browser } from '../support/browser.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  type System,
  signIn,
  startSystem,
  type Tokens,
} from '../support/system.ts'
import { loadOldBuild } from './old-build.ts'

/*
 * The build before this one and this one run side by side on one Redis, as they do during a rolling upgrade, and one
 * after the other, as after a rollback. No user has to sign in again.
 */

if (noRedis) console.warn(`Left out: needs ${noRedis}.`)

const SECRET = 'a secret of the tests, long enough to be one'
const SERVICE = {
  clientId: 'service',
  clientSecret: 'a secret of the service',
  redirectUris: [],
  scopes: ['mcp'],
  clientCredentials: true,
}

let server: RedisServer
const closing: { close?(): Promise<unknown> }[] = []
beforeAll(async () => {
  if (!noRedis) server = await startRedis()
})
afterAll(() => server?.stop())
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close?.()))
})

/** One instance of each build, with one provider, one clock and a connection each to one Redis. */
async function startBoth(
  options: Parameters<typeof startSystem>[0] = {},
): Promise<{ before: System; after: StartedSystem }> {
  const { createProxy, ...old } = await loadOldBuild()
  const mcp: ProxyOptions['mcp'] = async (request, auth) =>
    request.headers.has('x-token')
      ? new Response(await auth.upstream.accessToken())
      : Response.json({ user: auth.user.id, name: auth.user.name })
  const storage = redis({ url: server.url })
  const after = await startSystem({ storage, mcp, revocationLag: 0, clients: [SERVICE], ...options })
  const oldStorage = old.redis({ url: server.url })
  closing.push(after, storage, oldStorage)
  const proxy = createProxy({
    url: after.url,
    secret: SECRET,
    upstream: old.oidc({ ...after.provider, name: 'the provider' }),
    mcp,
    revocationLag: 0,
    clients: [SERVICE],
    storage: oldStorage,
    on: { event: (event) => after.events.push(event) },
    now: () => Math.floor(Date.now() / 1000) + after.clock.ahead,
  })
  const reach = (request: Request) =>
    new URL(request.url).origin === after.url ? proxy.fetch(request) : fetch(request)
  const call = (path: string, init?: RequestInit) => reach(new Request(after.url + path, init))
  const before: System = {
    ...after,
    proxy,
    call,
    browser: () => new Browser({ fetch: reach }),
    post: (path, params, headers = {}) =>
      call(path, { method: 'POST', body: new URLSearchParams(params), headers }),
  }
  return { before, after }
}

const tokensOf = async (response: Response): Promise<Tokens> => {
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as Tokens
}

/** A user's sign-in and exchange, each at the instance that is named. */
async function signInAt(one: System, other: System) {
  const client = await register(one)
  const signedIn = await signIn(one, client)
  const tokens = await tokensOf(await other.post('/token', redeemParams(client, signedIn)))
  return { client, tokens }
}

const ended = ({ events }: System) => events.filter(({ type }) => type === 'grant-ended')
const providerRefreshes = ({ provider }: System) =>
  provider.received.filter((text) => text.includes('grant_type=refresh_token')).length

const storedAt = async (system: StartedSystem, { refresh_token: token }: Tokens) => {
  const [user, id] = token.split('.')
  return (await system.store.get(`grant:${user}:${id}`))?.value as Record<string, unknown>
}

describe.skipIf(noRedis)('the build before and this one on one Redis', () => {
  test('carry on with each other’s grants, from the code to the last refresh', async () => {
    const { before, after } = await startBoth()
    for (const [one, other] of [
      [before, after],
      [after, before],
    ] as const) {
      const { client, tokens } = await signInAt(one, other)
      let latest = tokens
      for (const each of [one, other, one, other, one]) {
        expect((await guarded(one, latest.access_token)).status).toBe(200)
        expect((await guarded(other, latest.access_token)).status).toBe(200)
        latest = await tokensOf(await each.post('/token', refreshParams(client, latest.refresh_token)))
      }
      // A lost response is repeated with the same successor at either of them.
      const repeated = refreshParams(client, latest.refresh_token)
      const answers = await Promise.all([one, other, one, other].map((each) => each.post('/token', repeated)))
      const successors = await Promise.all(
        answers.map(async (answer) => (await tokensOf(answer)).refresh_token),
      )
      expect(new Set(successors).size).toBe(1)
    }
    expect(ended(after)).toEqual([])
  })

  test('know one user by one id, with all that the user has connected', async () => {
    const { before, after } = await startBoth()
    const { tokens } = await signInAt(before, before)
    const { tokens: others } = await signInAt(after, after)
    const told = await Promise.all(
      [tokens, others].flatMap(({ access_token: token }) =>
        [before, after].map(async (each) => (await guarded(each, token)).json()),
      ),
    )
    expect(new Set(told.map((one) => JSON.stringify(one))).size).toBe(1)
    const { user } = told[0] as { user: string }
    expect(await before.proxy.grants.list(user)).toEqual(await after.proxy.grants.list(user))
    expect(await after.proxy.grants.list(user)).toHaveLength(2)
  })

  test('refresh the provider’s tokens once between them, and use what the other one saved', async () => {
    const { before, after } = await startBoth({ providerTtl: 120 })
    for (const one of [before, after]) {
      const { client, tokens } = await signInAt(one, one)
      const refreshed = providerRefreshes(after)
      after.clock.ahead += 130
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          guarded(index % 2 ? before : after, tokens.access_token, { headers: { 'x-token': 'yes' } }),
        ),
      )
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1)
      expect(providerRefreshes(after) - refreshed).toBe(1)
      await tokensOf(await after.post('/token', refreshParams(client, tokens.refresh_token)))
    }
    expect(ended(after)).toEqual([])
  })

  test('revoke each other’s grants', async () => {
    const { before, after } = await startBoth()
    for (const [one, other] of [
      [before, after],
      [after, before],
    ] as const) {
      const { client, tokens } = await signInAt(one, one)
      expect((await one.post('/revoke', { client_id: client.id, token: tokens.access_token })).status).toBe(
        200,
      )
      for (const each of [one, other]) expect((await guarded(each, tokens.access_token)).status).toBe(401)
      const next = await tokensOf(await other.post('/token', refreshParams(client, tokens.refresh_token)))
      expect((await other.post('/revoke', { client_id: client.id, token: next.refresh_token })).status).toBe(
        200,
      )
      const refused = await one.post('/token', refreshParams(client, next.refresh_token))
      expect(await outcome(refused)).toEqual([400, 'invalid_grant'])
    }
  })

  test('accept the tokens that a client got for itself at the other one', async () => {
    const { before, after } = await startBoth()
    for (const [one, other] of [
      [before, after],
      [after, before],
    ] as const) {
      const basic = `Basic ${btoa(`${SERVICE.clientId}:${SERVICE.clientSecret.replaceAll(' ', '+')}`)}`
      const response = await one.post(
        '/token',
        { grant_type: 'client_credentials' },
        { authorization: basic },
      )
      const { access_token: token } = await tokensOf(response)
      for (const each of [one, other]) expect((await guarded(each, token)).status).toBe(200)
    }
  })

  test('go on after a rollback: the build before refreshes what this one wrote alone', async () => {
    const { before, after } = await startBoth()
    const { client, tokens } = await connect(after)
    const next = await tokensOf(await after.post('/token', refreshParams(client, tokens.refresh_token)))
    expect((await storedAt(after, next)).format).toBe(1)
    let latest = next
    for (let round = 0; round < 3; round++)
      latest = await tokensOf(await before.post('/token', refreshParams(client, latest.refresh_token)))
    expect((await guarded(before, latest.access_token)).status).toBe(200)
  })

  test('a record that the build before cannot hold is “try again” there, and signs no user out', async () => {
    const { before, after } = await startBoth()
    const { client, tokens } = await connect(after)
    const record = await storedAt(after, tokens)
    const { code, provider, upstream, format: _, ...common } = record
    const key = tokens.refresh_token.split('.').slice(0, 2).join(':')
    const later = {
      format: 2,
      ...common,
      origin: { type: 'sign-in', provider, code },
      connections: { [provider as string]: { sealed: upstream }, another: { sealed: 'of another provider' } },
    }
    await after.store.set(`grant:${key}`, later, 600)
    const refused = await before.post('/token', refreshParams(client, tokens.refresh_token))
    expect(await outcome(refused)).toEqual([503, 'temporarily_unavailable'])
    expect((await guarded(before, tokens.access_token)).status).toBe(503)
    expect((await guarded(after, tokens.access_token)).status).toBe(200)
    await after.store.set(`grant:${key}`, record, 600)
    await tokensOf(await before.post('/token', refreshParams(client, tokens.refresh_token)))
  })
})
