/**
 * One process of the simulation. It is started by `run.ts`, and runs every n-th seed.
 *
 *   node worker.mjs <job as JSON>
 */
import { count, emptyCoverage, type Packed, pack } from './coverage.ts'
import { type Outcome, runHistory } from './history.ts'
import type { Consistency } from './model-store.ts'
import { shrink } from './shrink.ts'

/** The work of one process. */
export interface Job {
  readonly first: number
  readonly histories: number
  /** This process runs the seeds `first + index`, `first + index + of` and so on. */
  readonly index: number
  readonly of: number
  readonly store?: Consistency | undefined
  readonly instances?: number | undefined
  /** Shortens a history that broke a rule. */
  readonly shortens?: boolean
}

/** A history that broke a rule, for the report. */
export interface Failure {
  readonly seed: number
  readonly rule: string
  /** The shortened history, line by line, and the error. */
  readonly report: string
}

/** Messages of a process to its parent. */
export type Message =
  | { readonly type: 'part'; readonly part: Packed }
  | { readonly type: 'failed'; readonly failure: Failure }

/** Histories after which a process reports. */
const BATCH = 50

const job = JSON.parse(process.argv[2]!) as Job
const { store, instances } = job
// Only a report needs the place of an error, and a stack is slow to make.
Error.stackTraceLimit = 0

const send = (message: Message) =>
  new Promise<void>((resolve) => {
    process.send!(message, () => resolve())
  })

async function describeFailure(failed: Outcome): Promise<Failure> {
  const short = job.shortens ? await shrink(failed, { store, instances }) : failed
  Error.stackTraceLimit = 20
  const again = await runHistory(short.seed, { decisions: short.decisions, store, instances })
  const lines = again.trace()
  const report = `${lines.length} steps:\n${lines.join('\n')}\n${again.violation?.stack ?? ''}`
  return { seed: failed.seed, rule: failed.violation!.message, report }
}

let coverage = emptyCoverage()
for (let at = job.index; at < job.histories; at += job.of) {
  const outcome = await runHistory(job.first + at, { store, instances })
  count(coverage, outcome)
  if (outcome.violation) {
    await send({ type: 'part', part: pack(coverage) })
    await send({ type: 'failed', failure: await describeFailure(outcome) })
    process.exit(1)
  }
  if (coverage.histories < BATCH) continue
  await send({ type: 'part', part: pack(coverage) })
  coverage = emptyCoverage()
}
await send({ type: 'part', part: pack(coverage) })
process.exit(0)
