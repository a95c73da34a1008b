/**
 * Writes what the entries of the built package weigh into budget.json, with a little room. The other budgets are set
 * by hand.
 *
 *   npm run build && npx tsx test/bench/write-budget.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { budgetOf, PROGRAMS, weigh } from './bundle.ts'

const ROOM = 1.1
const STEP = 100

const file = new URL('./budget.json', import.meta.url)
const budget = JSON.parse(readFileSync(file, 'utf8')) as object
const bytes: Record<string, number> = {}
for (const name of Object.keys(PROGRAMS)) {
  const most = Math.ceil(((await weigh(name)) * ROOM) / STEP) * STEP
  bytes[budgetOf(name)] = Math.max(most, bytes[budgetOf(name)] ?? 0)
}
writeFileSync(file, `${JSON.stringify({ ...budget, bytes }, null, 2)}\n`)
