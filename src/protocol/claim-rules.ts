import type { Claims } from './assertion.ts'
import { asObject } from './members.ts'

/** A value that a claim must have: a text in which `*` stands for a part, a number or a boolean; or one of several. */
export type ClaimValue = string | number | boolean | readonly (string | number | boolean)[]

/** Values that the claims of a token must have, by name. The members of a claim that is an object are nested likewise. */
export interface ClaimMatch {
  readonly [claim: string]: ClaimValue | ClaimMatch
}

/** Returns `true` for a value that is the members of a claim, not a value itself. */
export const isNested = (wanted: ClaimValue | ClaimMatch): wanted is ClaimMatch =>
  typeof wanted === 'object' && !Array.isArray(wanted)

/**
 * Tells whether claims meet every condition. A claim that is missing meets none. Numbers and booleans are compared by
 * their JSON text, because issuers send them as texts, too. Of a claim that is a list, one value has to fit.
 */
export const matchesClaims = (claims: Claims, match: ClaimMatch): boolean =>
  Object.entries(match).every(([name, wanted]) => {
    if (!Object.hasOwn(claims, name)) return false
    const value = claims[name]
    if (!isNested(wanted)) return [value].flat().some((one) => fits(one, wanted))
    const members = asObject(value)
    return members !== undefined && matchesClaims(members, wanted)
  })

function fits(value: unknown, wanted: ClaimValue): boolean {
  if (!['string', 'number', 'boolean'].includes(typeof value)) return false
  const text = String(value)
  return [wanted]
    .flat()
    .some((one) => (typeof one === 'string' ? glob(one).test(text) : String(one) === text))
}

const globs = new Map<string, RegExp>()

/** Returns the whole pattern of a text: `*` stands for characters but `:` and `/`, and `**` for any. */
function glob(text: string): RegExp {
  let pattern = globs.get(text)
  if (!pattern) {
    const source = text
      .split(/(\*+)/)
      .map((part) =>
        part.startsWith('*')
          ? part.length > 1
            ? '.*'
            : '[^:/]*'
          : part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
      )
      .join('')
    pattern = new RegExp(`^${source}$`, 's')
    globs.set(text, pattern)
  }
  return pattern
}
