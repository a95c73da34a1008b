/**
 * Runs many random histories of several instances, and checks after every step what must hold.
 *
 *   npm run simulate -- [--histories 5000] [--seed N] [--store atomic|process|eventual] [--instances 3] [--processes 2]
 *   npm run simulate -- --only SEED [--store …]      shows one history
 *   npm run simulate -- --faults [name …]            plants faults, one at a time, and looks for each
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { describe } from './coverage.ts'
import { runHistory } from './history.ts'
import type { Consistency } from './model-store.ts'
import { findPlants } from './plants.ts'
import { simulate } from './processes.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    histories: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    store: { type: 'string' },
    instances: { type: 'string' },
    processes: { type: 'string', default: String(availableParallelism()) },
    faults: { type: 'boolean', default: false },
  },
})
const store = values.store as Consistency | undefined
const instances = values.instances === undefined ? undefined : Number(values.instances)
const processes = Number(values.processes)

if (values.only !== undefined) {
  const outcome = await runHistory(Number(values.only), { store, instances })
  console.log(outcome.trace().join('\n'))
  console.log(outcome.violation ? `\n${outcome.violation.stack}` : '\nnothing was broken')
  process.exit(outcome.violation ? 1 : 0)
}

if (values.faults) {
  const missed = await findPlants(positionals, {
    histories: Number(values.histories ?? 20_000),
    first: Number(values.seed ?? 1),
    processes,
  })
  process.exit(missed === 0 ? 0 : 1)
}

const histories = Number(values.histories ?? 5000)
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
console.log(`${histories} histories from seed ${first}, in ${processes} processes`)
const began = Date.now()
const seconds = () => (Date.now() - began) / 1000
let toldAt = began
const stopped = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopped.abort())

const { coverage, failures } = await simulate(
  { first, histories, store, instances, shortens: true },
  {
    processes,
    signal: stopped.signal,
    onProgress({ histories: done }) {
      if (Date.now() - toldAt < 30_000) return
      toldAt = Date.now()
      console.log(`${done} of ${histories} histories, ${(done / seconds()).toFixed(1)} a second`)
    },
  },
)

console.log(describe(coverage))
console.log(
  `\n${coverage.histories} histories from seed ${first}, ${coverage.orders.size} different orders, ` +
    `${coverage.steps} steps in ${seconds().toFixed(0)} s (${(coverage.histories / seconds()).toFixed(1)} a second)`,
)
for (const { seed, rule, report } of failures)
  console.log(
    `\nSeed ${seed} broke a rule: ${rule}\n${report}\n\nRepeat it: npm run simulate -- --only ${seed}`,
  )
if (failures.length > 0) process.exit(1)
if (stopped.signal.aborted) console.log('stopped early')
console.log('nothing was broken')
process.exit(coverage.histories === histories ? 0 : 1)
