/**
 * Lets everything go wrong that can, and prints what came of it.
 *
 *   npm run test:faults
 *   npm run test:faults -- clock       those whose description has the word
 */
import { faults } from './faults.ts'

const words = process.argv.slice(2)
const chosen = faults.filter(({ fault }) => words.every((word) => fault.includes(word)))
const PATIENCE = 90_000

// Most of them wait for something that never comes: all of them wait at once.
const results = await Promise.all(
  chosen.map(({ run }) => {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, new Error('it never ended')))
    const ended = run().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return Promise.race([late, ended])
  }),
)
for (const [index, { fault, outcome }] of chosen.entries()) {
  const error = results[index]
  console.log(`${error === undefined ? 'ok  ' : 'FAIL'}  ${fault}\n      → ${outcome}`)
  if (error !== undefined) console.log(`      ${error instanceof Error ? error.message : String(error)}`)
}
const failed = results.filter((error) => error !== undefined).length
console.log(
  `\n${chosen.length - failed} of ${chosen.length} faults had the outcome that is stated: nothing lost, nothing opened`,
)
process.exit(failed === 0 && chosen.length > 0 ? 0 : 1)
