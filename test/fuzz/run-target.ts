import fc from 'fast-check'
import { type Target, targets } from './targets.ts'

/** What became of one target's cases. */
export interface Verdict {
  readonly name: string
  readonly cases: number
  /** Microseconds, on average. */
  readonly each: number
  /** The input that failed and how, made as small as it gets; `undefined` where nothing was found. */
  readonly finding: string | undefined
}

const all = targets.reduce((sum, { share }) => sum + share, 0)

/** @param cases Of all targets together. */
export async function runTarget(target: Target, cases: number, seed: number): Promise<Verdict> {
  const numRuns = Math.max(1, Math.round((cases * target.share) / all))
  const started = performance.now()
  const details = await fc.check(target.property, { numRuns, seed })
  const each = ((performance.now() - started) * 1000) / numRuns
  const finding = details.failed ? fc.defaultReportMessage(details) : undefined
  return { name: target.name, cases: numRuns, each, finding }
}
