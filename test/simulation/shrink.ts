import { type Fixed, type Outcome, runHistory } from './history.ts'

/** How many shorter histories are tried. */
const ATTEMPTS = 600

/** A history that breaks the same rule with fewer and plainer decisions. */
export async function shrink(failed: Outcome, fixed: Fixed): Promise<Outcome> {
  const rule = ruleOf(failed)
  let best = failed
  let attempts = 0
  async function attempt(decisions: readonly number[]): Promise<boolean> {
    if (attempts++ > ATTEMPTS) return false
    const outcome = await runHistory(failed.seed, { decisions, ...fixed })
    if (!outcome.violation || ruleOf(outcome) !== rule) return false
    best = outcome
    return true
  }
  for (let size = Math.ceil(best.decisions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < best.decisions.length && attempts <= ATTEMPTS; start += size) {
      const chunk = best.decisions.slice(start, start + size)
      if (chunk.every((value) => value === 0)) continue
      const zeroed = [...best.decisions]
      zeroed.fill(0, start, start + size)
      await attempt(zeroed)
    }
    if (attempts > ATTEMPTS) break
  }
  return best
}

const ruleOf = ({ violation }: Outcome): string =>
  (violation as { rule?: string } | undefined)?.rule ?? violation?.message ?? ''
