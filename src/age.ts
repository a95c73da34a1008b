import { seconds } from './timing.ts'

/*
 * The age of a moment is unknown if it lies in the future: this clock was set back, or that of another instance is ahead.
 * An unknown age counts as too old, so that no clock makes a revoked token or a used one valid again.
 */

/**
 * Returns `true` if a moment that this process recorded is less than `limit` ago.
 *
 * @param since The moment, by the same clock as `now`.
 * @param limit The unit of the clock.
 */
export const isWithin = (since: number, now: number, limit: number): boolean =>
  now >= since && now - since < limit

/**
 * Returns the age of a moment that another instance may have recorded, in seconds. Clocks of instances may differ by a
 * few seconds; a moment further in the future has the age `Infinity`.
 */
export function ageOf(moment: number, now: number): number {
  if (moment <= now) return now - moment
  return moment - now <= seconds.clockSkew ? 0 : Number.POSITIVE_INFINITY
}
