import fc from 'fast-check'
import { expect, test } from 'vitest'
import { REDIRECT, startSystem } from '../support/system.ts'

/** What somebody sends who wants to see `/register` break: right but for some part, deep, long, or no JSON at all. */
const uri = fc.oneof(
  fc.constantFrom(
    REDIRECT,
    'https://app.example/cb',
    'cursor://host/cb',
    'javascript:alert(1)',
    'http://127.1/',
  ),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.string(),
  fc.constant(`https://app.example/${'x'.repeat(3000)}`),
)
const right = fc.record({
  redirect_uris: fc.array(fc.constantFrom(REDIRECT, 'https://app.example/cb', 'cursor://host/cb'), {
    minLength: 1,
  }),
  client_name: fc.string({ unit: 'binary', maxLength: 100 }),
  token_endpoint_auth_method: fc.constantFrom('none', 'client_secret_post', 'private_key_jwt', '__proto__'),
})
const hostile = fc.oneof(
  right,
  fc.record(
    {
      redirect_uris: fc.oneof(fc.array(uri, { maxLength: 12 }), fc.anything()),
      client_name: fc.oneof(fc.string({ unit: 'binary' }), fc.anything()),
      grant_types: fc.oneof(fc.array(fc.string()), fc.constant(['authorization_code', 'refresh_token'])),
      token_endpoint_auth_method: fc.constantFrom(
        'none',
        'client_secret_post',
        'private_key_jwt',
        '__proto__',
      ),
      scope: fc.string(),
      logo_uri: fc.oneof(uri, fc.anything()),
      jwks: fc.anything(),
      ['__proto__']: fc.anything(),
    },
    { requiredKeys: ['redirect_uris'] },
  ),
  fc.anything(),
  fc.integer({ min: 1, max: 5000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
  fc.string({ maxLength: 2000 }),
)

const text = (body: unknown): string => {
  if (typeof body === 'string') return body
  try {
    return JSON.stringify(body) ?? 'undefined'
  } catch {
    return String(typeof body)
  }
}

test('10,000 hostile registrations break nothing, store nothing and keep nothing', async () => {
  const system = await startSystem({ on: {} })
  const bodies = fc.sample(hostile, 2000).map(text)
  const times: number[] = []
  const statuses = new Map<number, number>()
  const round = async () => {
    for (const body of bodies) {
      const started = performance.now()
      const response = await system.call('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      await response.text()
      times.push(performance.now() - started)
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    }
  }
  const heap = () => {
    ;(globalThis as { gc?: () => void }).gc?.()
    return process.memoryUsage().heapUsed
  }
  await round()
  const before = heap()
  for (let again = 0; again < 4; again++) await round()
  const grown = heap() - before
  times.sort((a, b) => a - b)
  const median = times[times.length / 2]!
  console.info(
    `10,000 registrations: ${JSON.stringify(Object.fromEntries(statuses))}, median ${median.toFixed(2)} ms, heap ${(grown / 1e6).toFixed(1)} MB`,
  )
  expect(times).toHaveLength(10_000)
  expect([...statuses.keys()].every((status) => [201, 400, 413].includes(status))).toBe(true)
  expect(statuses.get(201), 'some of them are right').toBeGreaterThan(50)
  expect(system.store.writes).toBe(0)
  // Without a collection in between, what is grown is mostly garbage; a leak of 8,000 bodies would be more.
  expect(grown).toBeLessThan(100e6)
  expect(median).toBeLessThan(2)
  await system.close()
}, 120_000)
