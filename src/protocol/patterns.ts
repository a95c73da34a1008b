/** Values by the patterns of names. `*` in a pattern stands for any characters. */
export interface Patterns<T> {
  /** `true` if there are none, so that no name fits. */
  readonly isEmpty: boolean
  /** Returns the values of {@link lookUp}. */
  find(name: string): readonly T[]
  /** Returns what fits a name best: the name itself, or else the pattern with the most other characters. */
  lookUp(name: string): Fit<T>
}

export interface Fit<T> {
  /** Several values only if patterns of one weight fit. Empty if none fits. */
  readonly values: readonly T[]
  /** The number of other characters of the pattern, infinite for the name itself, -1 if none fits. */
  readonly weight: number
}

interface Glob<T> {
  readonly parts: readonly string[]
  readonly weight: number
  readonly value: T
}

const NO_FIT: Fit<never> = { values: [], weight: -1 }

/**
 * Prepares patterns, so that a look-up of an exact name costs one access to a map.
 *
 * @param weightOf Returns the weight of a pattern, if it is not that of its own characters.
 */
export function compilePatterns<T>(
  table: Readonly<Record<string, T>>,
  weightOf: (pattern: string) => number = weightOfPattern,
): Patterns<T> {
  const exact = new Map<string, Fit<T>>()
  const globs: Glob<T>[] = []
  for (const [pattern, value] of Object.entries(table)) {
    const parts = pattern.split('*')
    if (parts.length === 1) exact.set(pattern, { values: [value], weight: Number.POSITIVE_INFINITY })
    else globs.push({ parts, weight: weightOf(pattern), value })
  }
  globs.sort((a, b) => b.weight - a.weight)
  const lookUp = (name: string): Fit<T> => {
    const own = exact.get(name)
    if (own) return own
    const best = globs.find(({ parts }) => fits(parts, name))
    if (!best) return NO_FIT
    const values = globs
      .filter(({ parts, weight }) => weight === best.weight && fits(parts, name))
      .map(({ value }) => value)
    return { values, weight: best.weight }
  }
  return {
    isEmpty: exact.size + globs.length === 0,
    lookUp,
    find: (name) => lookUp(name).values,
  }
}

/** Returns the number of characters of a pattern that are no `*`. */
export const weightOfPattern = (pattern: string): number => pattern.replaceAll('*', '').length

/** Returns whether a name consists of these parts, in this order, with anything between them. */
function fits(parts: readonly string[], name: string): boolean {
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false
  let at = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
