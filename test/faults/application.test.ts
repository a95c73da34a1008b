import assert from 'node:assert/strict'
import type { ProxyOptions } from 'lockgate'
import { describe, test } from 'vitest'
import {
  authorizeUrl,
  connect,
  guarded,
  outcome,
  register,
  type StartedSystem,
  signIn,
  startSystem,
} from '../support/system.ts'

const never = () => new Promise<never>(() => {})
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

async function within(options: Partial<ProxyOptions>, run: (system: StartedSystem) => Promise<void>) {
  const system = await startSystem(options)
  try {
    await run(system)
  } finally {
    await system.close()
  }
}

async function expectLate(system: StartedSystem, response: Response, reason: string, detail: RegExp) {
  assert.ok(Number(response.headers.get('retry-after')) > 0, 'no Retry-After')
  assert.deepEqual(await outcome(response), [503, 'temporarily_unavailable'])
  expectTold(system, reason, detail)
}

function expectTold({ events }: StartedSystem, reason: string, detail: RegExp): void {
  const told = events.find((event) => event.reason === reason)
  assert.equal(told?.type, 'failed')
  assert.match(told.detail ?? '', detail)
  assert.match(told.error ?? '', /no answer within/)
}

/** Functions that the application gives, and that a request waits for. */
describe.concurrent('the functions of the application', { timeout: 90_000 }, () => {
  test('`allow` answers too late: the client is told to try again, and nothing is stored, also when the answer comes', () =>
    within({ allow: () => pause(9000).then(() => true) }, async (system) => {
      const { answer } = await signIn(system, await register(system))
      assert.equal(answer.searchParams.get('error'), 'temporarily_unavailable')
      expectTold(system, 'hook-failed', /^allow$/)
      await pause(2000)
      assert.equal(system.store.writes, 0)
    }))
  test('`registrationPolicy` never answers: nobody is registered, and may ask again', () =>
    within({ registration: 'stored', registrationPolicy: never }, async (system) => {
      const body = JSON.stringify({ redirect_uris: ['http://127.0.0.1:5555/callback'] })
      const headers = { 'content-type': 'application/json' }
      const response = await system.call('/register', { method: 'POST', body, headers })
      await expectLate(system, response, 'hook-failed', /^registrationPolicy$/)
      assert.equal(system.store.writes, 0)
    }))
  test('the function that gives each request its provider never answers: the request ends, and reaches no provider', () =>
    within({ upstream: never }, async (system) => {
      const client = await register(system)
      const before = system.provider.requests.length
      const response = await system.call(authorizeUrl(system, client))
      const answered = response.headers.get('location') ?? (await response.text())
      assert.match(answered, /temporarily_unavailable/)
      assert.equal(system.provider.requests.length, before)
      expectTold(system, 'hook-failed', /^upstream$/)
    }))
  test('`verifyApiKey` never answers: the key is not let in, and may come again', () =>
    within({ verifyApiKey: never }, async (system) => {
      const response = await guarded(system, 'a-key-that-somebody-else-should-know')
      await expectLate(system, response, 'key-check-failed', /too long/)
    }))
  test('the limiter never answers: the one in memory counts, and requests pass after a second', () =>
    within({ limits: { user: 2, limiter: { take: never } } }, async (system) => {
      const { tokens } = await connect(system)
      const began = Date.now()
      const statuses: number[] = []
      for (let i = 0; i < 3; i++) statuses.push((await guarded(system, tokens.access_token)).status)
      assert.deepEqual(statuses, [200, 200, 429])
      assert.ok(Date.now() - began < 6000, 'they waited too long')
      expectTold(system, 'limiter-failed', /^$/)
    }))
})
