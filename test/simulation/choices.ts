/**
 * Every decision of a history, in order: which event comes next, what fails, how long a pause is. The default is 0, the
 * plain case, so that a shorter list of decisions is a simpler history.
 */
export interface Choices {
  /** A whole number below `bound`. 0 is the plain case. */
  pick(bound: number): number
  /** Whether something unusual happens, with a probability of `percent` in a random history. */
  chance(percent: number): boolean
  /** All decisions so far, for a replay. */
  readonly taken: readonly number[]
}

/** A small random generator with 32 bits of state (mulberry32). The same seed gives the same numbers. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Draws every decision from a seed. */
export function seededChoices(seed: number): Choices {
  const random = randomOf(seed)
  const taken: number[] = []
  const keep = (value: number): number => {
    taken.push(value)
    return value
  }
  return {
    taken,
    pick: (bound) => keep(bound < 2 ? 0 : Math.floor(random() * bound)),
    chance: (percent) => percent > 0 && keep(random() * 100 < percent ? 1 : 0) === 1,
  }
}

/** Repeats given decisions. Missing ones are 0. */
export function replayedChoices(decisions: readonly number[]): Choices {
  const taken: number[] = []
  const next = (bound: number): number => {
    const value = Math.min(decisions[taken.length] ?? 0, Math.max(0, bound - 1))
    taken.push(value)
    return value
  }
  return { taken, pick: next, chance: (percent) => percent > 0 && next(2) === 1 }
}
