import { expect, test } from 'vitest'
import { runTarget } from './run-target.ts'
import { targets } from './targets.ts'

const CASES = 20_000

test.each(targets)('no input breaks the rules for $name', { timeout: 60_000 }, async (target) => {
  const { finding } = await runTarget(target, CASES, Date.now())
  expect(finding).toBeUndefined()
})
