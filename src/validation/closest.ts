/** Folds spellings of one name together: `client_id`, `client-id` and `clientID` are equal. */
const fold = (name: string): string => name.replace(/[-_]/g, '').toLowerCase()

/**
 * Returns the known name that a misspelled one most likely means, or `undefined` if none is close.
 *
 * @param most The mistakes that are accepted. Default: one in a short name, and one more for every three characters.
 */
export function closest(name: string, known: readonly string[], most?: number): string | undefined {
  const folded = fold(name)
  let best: string | undefined
  let least = (most ?? Math.max(1, Math.floor(folded.length / 3))) + 1
  for (const candidate of known) {
    const mistakes = distance(folded, fold(candidate))
    if (mistakes < least) [best, least] = [candidate, mistakes]
  }
  return best
}

/** Counts the characters to insert, remove, replace or swap with a neighbour (optimal string alignment). */
function distance(one: string, other: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, at) => at)]
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const cost = one[i - 1] === other[j - 1] ? 0 : 1
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      if (swapped) least = Math.min(least, beforeLast[j - 2]! + 1)
      row.push(least)
    }
    ;[beforeLast, last] = [last, row]
  }
  return last[other.length]!
}

/** Says that a name is not known and, if one is close, which one the user may have meant. */
export const unknownName = (what: string, name: string, known: readonly string[]): string =>
  `is not ${what}${hint(name, known)}`

/** Says that an option names an entry of another option that is not there, and which one the user may have meant. */
export const missingName = (name: string, option: string, known: readonly string[]): string =>
  `names \`${name}\`, which \`${option}\` does not have${hint(name, known)}`

function hint(name: string, known: readonly string[]): string {
  const meant = closest(name, known)
  return meant === undefined ? '' : `; did you mean \`${meant}\`?`
}
