import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bearers, exchanges, reached } from '../fuzz/assertions.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 1500)

test(
  'no assertion is an error, fetches or stores anything unless it is accepted',
  { timeout: 3_600_000 },
  () => fc.assert(exchanges, { numRuns: RUNS }),
)

test('no token of a workload is an error at the MCP server', { timeout: 3_600_000 }, () =>
  fc.assert(bearers, { numRuns: RUNS }),
)

test('what the assertions are meant to test they reach', () => {
  for (const status of [200, 400, 401]) expect(reached.get(status) ?? 0, String(status)).toBeGreaterThan(0)
})
