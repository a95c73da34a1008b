/**
 * Feeds every parser, and the whole proxy, with any input at all. Prints what it cost and what it found.
 *
 *   npm run fuzz                                    a hundred thousand cases
 *   npm run fuzz -- --cases 1000000
 *   npm run fuzz -- --seed 42 --target 'sealed'     the same again, of one target
 */
import { parseArgs } from 'node:util'
import { runTarget } from './run-target.ts'
import { targets } from './targets.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now()) },
    target: { type: 'string', default: '' },
  },
})
const [cases, seed] = [Number(values.cases), Number(values.seed)]
const chosen = targets.filter(({ name }) => name.includes(values.target))
if (!(cases > 0) || chosen.length === 0) throw new Error('nothing to do')

/** Megabytes in use after everything was collected that could be. */
const heap = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

const before = heap()
let [done, findings] = [0, 0]
for (const target of chosen) {
  const verdict = await runTarget(target, cases, seed)
  done += verdict.cases
  if (verdict.finding !== undefined) findings++
  const numbers = `${String(verdict.cases).padStart(8)} cases ${verdict.each.toFixed(0).padStart(6)} µs each`
  console.log(
    `${target.name.padEnd(26)}${numbers}  ${verdict.finding === undefined ? 'nothing found' : 'FOUND'}`,
  )
  if (verdict.finding !== undefined) console.log(verdict.finding)
}
console.log(
  `\n${done} cases, seed ${seed}: ${findings} findings; heap ${before.toFixed(0)} → ${heap().toFixed(0)} MB`,
)
process.exit(findings === 0 ? 0 : 1)
