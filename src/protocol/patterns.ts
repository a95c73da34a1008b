/** Values by the patterns of names. `*` in a pattern stands for any characters. */
export interface Patterns<T> {
  /** `true` if there are none, so that no name fits. */
  readonly isEmpty: boolean
  /**
   * Returns the values of the pattern that fits best: the name itself, or else the pattern with the most other
   * characters. Several values only if patterns with equally many characters fit. Empty if none fits.
   */
  find(name: string): readonly T[]
  /** Returns how exactly {@link find} fits: the number of other characters, infinite for the name itself, -1 if none fits. */
  weigh(name: string): number
}

interface Glob<T> {
  readonly parts: readonly string[]
  readonly weight: number
  readonly value: T
}

/** Prepares patterns, so that a look-up of an exact name costs one access to a map. */
export function compilePatterns<T>(table: Readonly<Record<string, T>>): Patterns<T> {
  const exact = new Map<string, readonly T[]>()
  const globs: Glob<T>[] = []
  for (const [pattern, value] of Object.entries(table)) {
    const parts = pattern.split('*')
    if (parts.length === 1) exact.set(pattern, [value])
    else globs.push({ parts, weight: pattern.length - parts.length + 1, value })
  }
  globs.sort((a, b) => b.weight - a.weight)
  return {
    isEmpty: exact.size + globs.length === 0,
    find(name) {
      const own = exact.get(name)
      if (own) return own
      const best = globs.find(({ parts }) => fits(parts, name))
      if (!best) return []
      return globs
        .filter(({ parts, weight }) => weight === best.weight && fits(parts, name))
        .map(({ value }) => value)
    },
    weigh(name) {
      if (exact.has(name)) return Number.POSITIVE_INFINITY
      return globs.find(({ parts }) => fits(parts, name))?.weight ?? -1
    },
  }
}

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
