import type { JWK } from 'jose'
import { seconds } from '../timing.ts'

/** A key in the storage. Times are seconds since the epoch. */
export interface StoredKey {
  readonly jwk: JWK
  /** The time from which it signs. Before that it is only published, so that verifiers know it in time. */
  readonly signsFrom: number
}

/** Seconds. */
export interface RotationRules {
  /** The time for which one key signs. */
  readonly every: number
  /** The longest life of a token that a key signed. */
  readonly tokenLife: number
}

/** Returns the key that signs at `now`: the newest one whose time has come. */
export const signingAt = (keys: readonly StoredKey[], now: number): StoredKey | undefined =>
  keys.filter(({ signsFrom }) => signsFrom <= now).at(-1)

/** Returns the time from which a new key has to sign, or `undefined` while none is needed. */
export function nextKeyFrom(
  keys: readonly StoredKey[],
  now: number,
  rules: RotationRules,
): number | undefined {
  const newest = keys.at(-1)
  if (!newest) return now
  const publishedFrom = newest.signsFrom + rules.every - seconds.keyOverlap
  return now >= publishedFrom ? now + seconds.keyOverlap : undefined
}

/** Leaves out the keys whose last token has expired long ago. */
export const stillNeeded = (
  keys: readonly StoredKey[],
  now: number,
  rules: RotationRules,
): readonly StoredKey[] =>
  keys.filter((_, index) => {
    const successor = keys[index + 1]
    return !successor || successor.signsFrom + rules.tokenLife + seconds.keyOverlap > now
  })
