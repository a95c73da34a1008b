import { type Store, ValueTooLarge } from 'lockgate'
import { memory } from 'lockgate/storage/memory'
import { afterEach, expect, test } from 'vitest'
import {
  connect,
  guarded,
  outcome,
  refreshParams,
  register,
  type StartedSystem,
  signIn,
  startSystem,
} from '../support/system.ts'

interface Limited extends Store {
  /** Bytes of the longest value. */
  limit: number
}

/** A memory that accepts values up to a limit, which may change. */
function limited(): Limited {
  const store = memory()
  const self: Limited = {
    ...store,
    limit: 1024 * 1024,
    get maxValueBytes() {
      return self.limit
    },
    async set(key: string, value: unknown, ttl: number) {
      check(value)
      await store.set(key, value, ttl)
    },
    async swap(key: string, version: string | undefined, value: unknown, ttl: number) {
      check(value)
      return store.swap(key, version, value, ttl)
    },
  }
  const check = (value: unknown) => {
    const size = JSON.stringify(value).length
    if (size > self.limit) throw new ValueTooLarge('The store of the test', size, self.limit)
  }
  return self
}

let system: StartedSystem
afterEach(() => system.close())

const reasons = () => system.events.map(({ reason }) => reason)

test('a sign-in whose grant is too large ends at once, says both sizes, and ends the tokens of the provider', async () => {
  const store = limited()
  const sent: string[] = []
  system = await startSystem({
    storage: store,
    fetch: (url, init) => {
      sent.push(url)
      return fetch(url, init)
    },
  })
  store.limit = 500
  const { answer } = await signIn(system, await register(system))
  expect(answer.searchParams.get('error')).toBe('server_error')
  expect(answer.searchParams.get('code')).toBeNull()
  const event = system.events.find(({ reason }) => reason === 'grant-too-large')
  expect(event?.detail).toMatch(/^\d{3,5} bytes, the storage accepts 500$/)
  await expect.poll(() => sent.filter((url) => /revo/.test(url)).length).toBeGreaterThan(0)
  for await (const _ of store.keys('grant:')) throw new Error('something is stored')
})

test('a refresh that makes the grant too large is not tried again for ever', async () => {
  const store = limited()
  system = await startSystem({ storage: store, revocationLag: 0, providerTtl: 90 })
  const { client, tokens } = await connect(system)
  store.limit = 500
  system.clock.ahead += 60
  const first = await system.post('/token', refreshParams(client, tokens.refresh_token))
  expect(first.headers.get('retry-after')).toBeNull()
  const [status, error] = await outcome(first)
  expect([
    [400, 'invalid_grant'],
    [500, 'server_error'],
  ]).toContainEqual([status, error])
  expect(reasons()).toContain('grant-too-large')
  expect((await guarded(system, tokens.access_token)).status).not.toBe(503)
})
