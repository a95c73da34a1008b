import { memory } from 'lockgate/storage/memory'
import { expect, test } from 'vitest'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createSealer } from '../../src/crypto/seal.ts'
import { newGrantKey } from '../../src/grants/grant-key.ts'
import { createGrants } from '../../src/grants/grants.ts'

/** The grants of one instance on a store whose reads and writes take some seconds of its clock. */
function onSlowStore() {
  const clock = { now: 1000, delay: 0 }
  const inner = memory()
  const late = <T>(done: Promise<T>): Promise<T> =>
    done.then((result) => {
      clock.now += clock.delay
      return result
    })
  const grants = createGrants({
    store: {
      ...inner,
      get: (key) => late(inner.get(key)),
      swap: (...args) => late(inner.swap(...args)),
    },
    issuer: 'https://mcp.test',
    sealer: createSealer(
      createKeyring(['a secret of these tests, long enough to be one']),
      'https://mcp.test',
    ),
    now: () => clock.now,
    uptime: () => clock.now,
    revocationLag: 5,
    emit: () => {},
  })
  const key = newGrantKey(newGrantKey('').id)
  const issue = () =>
    grants.issue({
      key,
      origin: { type: 'client' },
      client: { key: 'job', name: 'Job', refreshes: false },
      resource: 'https://mcp.example.com/mcp',
      scope: ['mcp'],
      identity: { issuer: 'https://idp.example', subject: 'job', claims: {} },
      expiresAt: 100_000,
    })
  return { clock, grants, key, issue }
}

test('what a slow store showed counts from the beginning of the read, so that a revocation is seen within the lag', async () => {
  const { clock, grants, key, issue } = onSlowStore()
  await issue()
  clock.delay = 4
  await grants.live(key)
  expect(grants.recent(key)).toBeDefined()
  clock.now += 1
  expect(grants.recent(key)).toBeUndefined()
})

test('what this process wrote to a slow store counts from the beginning of the change', async () => {
  const { clock, grants, key, issue } = onSlowStore()
  await issue()
  await grants.live(key)
  clock.delay = 2
  await grants.change(key, (grant) => ({
    type: 'write',
    grant: { ...grant, epoch: 1 },
    result: undefined,
  }))
  expect(grants.recent(key)?.grant?.epoch).toBe(1)
  clock.now += 1
  expect(grants.recent(key)).toBeUndefined()
})
