/**
 * Runs many random histories of several instances, and checks what must hold after every step.
 *
 *   npm run simulate -- [--histories 5000] [--seed 1] [--store atomic|process|eventual] [--only SEED]
 */
import { parseArgs } from 'node:util'
import { type Outcome, runHistory } from './history.ts'
import type { Consistency } from './model-store.ts'
import { shrink } from './shrink.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    only: { type: 'string' },
    store: { type: 'string' },
  },
})
const store = values.store as Consistency | undefined
const count = Number(values.histories)
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))

if (values.only !== undefined) {
  const outcome = await runHistory(Number(values.only), { store })
  console.log(outcome.trace.join('\n'))
  console.log(outcome.violation ? `\n${outcome.violation.stack}` : '\nnothing was broken')
  process.exit(outcome.violation ? 1 : 0)
}

console.log(`${count} histories from seed ${first}`)
const began = Date.now()
const covered = new Map<string, number>()
const shapes = new Set<number>()
let failed: Outcome | undefined
let steps = 0
let done = 0
for (; done < count && !failed; done++) {
  const outcome = await runHistory(first + done, { store })
  steps += outcome.trace.length
  shapes.add(hash(outcome.shape))
  for (const [what, times] of outcome.covered) covered.set(what, (covered.get(what) ?? 0) + times)
  if (outcome.violation) failed = outcome
}

for (const [what, times] of [...covered].sort(([a], [b]) => a.localeCompare(b)))
  console.log(`${String(times).padStart(9)}  ${what}`)
const seconds = (Date.now() - began) / 1000
console.log(
  `\n${done} histories, ${shapes.size} different orders, ${steps} steps in ${seconds.toFixed(0)} s ` +
    `(${((seconds * 1000) / done).toFixed(1)} ms each)`,
)
if (failed) {
  console.log(`\nSeed ${failed.seed} broke a rule: ${failed.violation!.message}`)
  const short = await shrink(failed, store)
  console.log(
    `Shortened to ${short.trace.length} steps:\n${short.trace.join('\n')}\n${short.violation!.stack}`,
  )
  console.log(`\nRepeat it: npm run simulate -- --only ${failed.seed}`)
  process.exit(1)
}
console.log('nothing was broken')

function hash(text: string): number {
  let value = 0
  for (let index = 0; index < text.length; index++)
    value = (Math.imul(value, 31) + text.charCodeAt(index)) | 0
  return value
}
