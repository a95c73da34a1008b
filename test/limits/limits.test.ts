import { expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import { createLimits } from '../../src/limits/limits.ts'

const settings = {
  address: 100_000,
  client: 1200,
  user: 1200,
  failures: 3,
  anonymous: 60,
  streams: 10,
  allStreams: 100,
}
const limits = () =>
  createLimits(settings, { uptime: () => 1000, emit: () => {}, issuer: 'https://proxy.test' })
const failure = (code: 'invalid_client' | 'invalid_grant') => new OAuthError(code, 'It failed')
const tooMany = expect.objectContaining({ code: 'too_many_requests' })

test('a client that failed too often stays shut out over a flood of made-up clients, users and addresses', async () => {
  const { claimed, failed, user, stranger, tokenFailed } = limits()
  const client = { client: 'real', address: '192.0.2.1' }
  for (let n = 0; n < 3; n++) await failed(client, failure('invalid_client'), true)
  await expect(failed(client, failure('invalid_client'), true)).rejects.toThrow(tooMany)
  expect(() => claimed(client)).toThrow(tooMany)
  for (let n = 0; n < 30_000; n++) {
    const made = { client: `made-up-${n}`, address: `2001:db8:${n.toString(16)}::/64` }
    claimed(made)
    await failed(made, failure('invalid_client'), false)
    user(`user-${n}`)
    stranger(made.address)
    tokenFailed(made.address)
  }
  expect(() => claimed(client)).toThrow(tooMany)
})

test('a client is told whole seconds, also by a clock that counts fractions', async () => {
  let at = 1000.123
  const ports = { uptime: () => at, emit: () => {}, issuer: 'https://proxy.test' }
  const { claimed, failed, user } = createLimits({ ...settings, user: 1 }, ports)
  const client = { client: 'real', address: '192.0.2.1' }
  for (let n = 0; n < 3; n++) await failed(client, failure('invalid_client'), true)
  await expect(failed(client, failure('invalid_client'), true)).rejects.toThrow(tooMany)
  user('ann')
  at += 3.3
  expect(() => claimed(client)).toThrow(expect.objectContaining({ retryAfter: 17 }))
  expect(() => user('ann')).toThrow(expect.objectContaining({ retryAfter: 57 }))
})

test.each([
  [0.2, 1],
  [7, 7],
  [-1, 0],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
])('an error with %d seconds to wait says %s', (retryAfter, expected) => {
  const detail = { reason: 'refused-by-application', retryAfter } as const
  expect(new OAuthError('too_many_requests', 'Wait', detail).retryAfter).toBe(expected)
})

test('other errors do not count', async () => {
  const { claimed, failed } = limits()
  const claim = { client: 'real', address: '192.0.2.1' }
  for (let n = 0; n < 10; n++) await failed(claim, new OAuthError('invalid_target', 'It failed'), true)
  expect(() => claimed(claim)).not.toThrow()
})
