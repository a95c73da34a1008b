import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bodies } from './stacks/bodies.ts'
import { beyond, findBeyond, judged } from './stacks/judged.ts'
import { ranByGo, ranByNode } from './stacks/stacks.ts'

/** Set it to 100000 for a long run. */
const CASES = Number(process.env.STACK_CASES ?? 5000)
const BATCH = 5000

test('no server behind runs more of a body than what was judged', () => {
  const seed = Number(process.env.STACK_SEED ?? Date.now() % 1_000_000)
  let passed = 0
  let run = 0
  for (let at = 0; at < CASES; at += BATCH) {
    const some = fc.sample(bodies, { numRuns: Math.min(BATCH, CASES - at), seed: seed + at })
    expect(findBeyond(some), `STACK_SEED=${seed}`).toBeUndefined()
    passed += some.filter((body) => judged(body) !== undefined).length
    run += some.filter((body) => ranByNode(body).length > 0 || ranByGo(body).length > 0).length
  }
  // The bodies are worth something: many pass, and many more would run.
  expect(passed / CASES).toBeGreaterThan(0.03)
  expect(run).toBeGreaterThan(passed * 1.5)
}, 600_000)

test('the comparison finds a body that two programs read differently', () => {
  const twice = Buffer.from('{"method":"tools/call","params":{"name":"harmless","Name":"delete_all"}}')
  expect(beyond(ranByGo(twice), [['tools/call', 'harmless']])).toEqual(['["tools/call","delete_all"]'])
  expect(beyond(ranByNode(twice), [['tools/call', 'harmless']])).toEqual([])
  expect(judged(twice)).toBeUndefined()
})
