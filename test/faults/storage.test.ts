import assert from 'node:assert/strict'
import { memory } from 'lockgate/storage/memory'
import { describe, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  redeemParams,
  refreshParams,
  register,
  type StartedSystem,
  signIn,
  startSystem,
  type Tokens,
} from '../support/system.ts'
import { answersLost, cut, type FaultyStore, faulty, full, racesLost, slow } from './faulty-store.ts'

type Options = Parameters<typeof startSystem>[0]

async function within(
  run: (system: StartedSystem, store: FaultyStore) => Promise<void>,
  options: Options = {},
) {
  const store = faulty(memory())
  const system = await startSystem({ storage: store, revocationLag: 0, ...options })
  try {
    await run(system, store)
  } finally {
    await system.close()
  }
}

async function tokensOf(response: Response): Promise<Tokens> {
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

async function expectUnavailable(response: Response): Promise<void> {
  assert.ok(response.headers.get('retry-after'), 'no Retry-After')
  assert.deepEqual(await outcome(response), [503, 'temporarily_unavailable'])
}

async function keyOfOnly(store: FaultyStore): Promise<string> {
  for await (const key of store.keys('grant:')) return key
  throw new Error('nothing is stored')
}

describe.concurrent('the storage', { timeout: 90_000 }, () => {
  test('the storage is slow: sign-in, refresh and requests take longer, and succeed', () =>
    within(async (system, store) => {
      store.fault = slow
      const { client, tokens } = await connect(system)
      const next = await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      assert.equal((await guarded(system, next.access_token)).status, 200)
    }))
  test('the storage never answers: 503 within seconds; afterwards everything goes on', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      store.fault = () => new Promise(() => {})
      const started = Date.now()
      await expectUnavailable(await guarded(system, tokens.access_token))
      await expectUnavailable(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      assert.ok(Date.now() - started < 25_000)
      store.fault = undefined
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    }))
  test('the storage is cut off, under requests, refreshes and revocations: 503 with Retry-After, nothing passes the guard; afterwards the same tokens work', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      store.fault = cut
      await expectUnavailable(await guarded(system, tokens.access_token))
      await expectUnavailable(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      await expectUnavailable(
        await system.post('/revoke', { client_id: client.id, token: tokens.refresh_token }),
      )
      store.fault = undefined
      assert.equal((await guarded(system, tokens.access_token)).status, 200)
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    }))
  test('the storage is cut off in the middle of a sign-in: the client is told to try again, no code works; a new sign-in does', () =>
    within(async (system, store) => {
      const client = await register(system)
      store.fault = cut
      const { answer } = await signIn(system, client)
      assert.equal(answer.searchParams.get('code'), null)
      assert.equal(answer.searchParams.get('error'), 'temporarily_unavailable')
      store.fault = undefined
      await connect(system, { client })
    }))
  test('the storage is cut off at the exchange of a code: 503; the same code works afterwards', () =>
    within(async (system, store) => {
      const client = await register(system)
      const redeem = redeemParams(client, await signIn(system, client))
      store.fault = cut
      await expectUnavailable(await system.post('/token', redeem))
      store.fault = undefined
      await tokensOf(await system.post('/token', redeem))
    }))
  test('the storage is full: who is signed in goes on working; refreshes get 503 and keep their token', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      store.fault = full
      assert.equal((await guarded(system, tokens.access_token)).status, 200)
      await expectUnavailable(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      const { answer } = await signIn(system, client)
      assert.equal(answer.searchParams.get('code'), null)
      store.fault = undefined
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    }))
  test('what the storage answers to a write is lost: 503; the same refresh token then yields the successor', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      store.fault = answersLost
      await expectUnavailable(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      store.fault = undefined
      const next = await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      assert.notEqual(next.refresh_token, tokens.refresh_token)
      await tokensOf(await system.post('/token', refreshParams(client, next.refresh_token)))
    }))
  test('every compare-and-set is lost to somebody else: 503 after a bounded number of attempts; the grant lives', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      store.fault = racesLost
      await expectUnavailable(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      store.fault = undefined
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    }))
  test('the storage answers with what was there before: a refresh is not lost, none is accepted twice; the successor works once the storage is right', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      const old = await store.get(await keyOfOnly(store))
      const next = await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      store.fault = async (call, proceed) => (call === 'get' ? old : proceed())
      for (const token of [tokens.refresh_token, next.refresh_token]) {
        const response = await system.post('/token', refreshParams(client, token))
        assert.ok(response.status === 503 || response.status === 400, `status ${response.status}`)
      }
      store.fault = undefined
      await tokensOf(await system.post('/token', refreshParams(client, next.refresh_token)))
    }))
  test('the storage answers with something else: nothing passes, nothing is overwritten; afterwards the same tokens work', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      const key = await keyOfOnly(store)
      const honest = await store.get(key)
      const { version } = honest!
      const record = honest!.value as Record<string, unknown>
      const foreign: unknown[] = [
        ...['text', 7, true, null, [], {}, [record], { ...record, format: 2 }, { format: 1 }],
        { ...record, identity: 'altered', upstream: 'altered' },
        { ...record, identity: record.upstream, upstream: record.identity },
        { ...record, client: 'another' },
        { ...record, expiresAt: 0 },
      ]
      for (const value of foreign) {
        store.fault = async (call, proceed) => (call === 'get' ? { value, version } : proceed())
        const about = JSON.stringify(value).slice(0, 60)
        const answer = await system.post('/token', refreshParams(client, tokens.refresh_token))
        assert.ok(answer.status >= 400, `refreshed with ${about}`)
      }
      for (const value of foreign.slice(0, 9)) {
        store.fault = async (call, proceed) => (call === 'get' ? { value, version } : proceed())
        const { status } = await guarded(system, tokens.access_token)
        assert.ok(status >= 400, `let in with ${JSON.stringify(value).slice(0, 60)}`)
      }
      store.fault = undefined
      assert.deepEqual((await store.get(key))?.version, version)
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    }))
  test('a newer version has written a record: 503 from this version, so that nobody is signed out during an upgrade', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      const key = await keyOfOnly(store)
      const record = (await store.get(key))!.value as Record<string, unknown>
      await store.set(key, { ...record, format: 2 }, 600)
      await expectUnavailable(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      await expectUnavailable(await guarded(system, tokens.access_token))
      await store.set(key, record, 600)
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
    }))
  test('a record holds members that this version does not know: it works, and keeps them', () =>
    within(async (system, store) => {
      const { client, tokens } = await connect(system)
      const key = await keyOfOnly(store)
      const record = (await store.get(key))!.value as Record<string, unknown>
      await store.set(key, { ...record, later: { some: 'thing' } }, 600)
      await tokensOf(await system.post('/token', refreshParams(client, tokens.refresh_token)))
      const after = (await store.get(key))!.value as Record<string, unknown>
      assert.deepEqual(after.later, { some: 'thing' })
    }))
})
