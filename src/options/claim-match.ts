import * as v from 'valibot'
import type { ClaimMatch } from '../protocol/claim-rules.ts'

/** Names that lists of options lose, so that a condition would vanish. */
const LOST = ['__proto__', 'constructor', 'prototype']

const EXPECTED = 'expected claims with a text, a number, a boolean or a list of these, or an object of claims'

const isScalar = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'boolean' || Number.isFinite(value)

function isMatch(input: unknown, depth = 0): boolean {
  if (typeof input !== 'object' || input === null || Array.isArray(input) || depth > 5) return false
  const entries = Object.entries(input)
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(input))
  return (
    isPlain &&
    entries.length > 0 &&
    entries.every(
      ([name, value]) =>
        !LOST.includes(name) &&
        (Array.isArray(value)
          ? value.length > 0 && value.every(isScalar)
          : isScalar(value) || isMatch(value, depth + 1)),
    )
  )
}

/** Checks the claims that a rule matches. No condition may vanish: a rule without conditions would match every token. */
export const claimMatch: v.GenericSchema<ClaimMatch> = v.custom<ClaimMatch>(
  (input) => isMatch(input),
  EXPECTED,
)
