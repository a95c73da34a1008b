import { StatedError } from '../errors.ts'
import type { RefusedRefresh } from '../providers/parts/refresh-errors.ts'

/**
 * A refusal of the provider's token endpoint. Its message is fixed: the provider's own words may quote a token, so
 * they are only compared with rules.
 */
export class ProviderRefusal extends StatedError implements RefusedRefresh {
  override readonly name = 'ProviderRefusal'
  readonly status: number
  /** The error code, if the response has one. */
  readonly error: string | undefined
  /** The seconds by which the provider's clock is ahead of this one, if they differ by more than half a minute. */
  skew: number | undefined
  declare readonly description: string | undefined
  declare readonly body: unknown

  constructor({ status, error, description, body }: RefusedRefresh) {
    super('the provider refused the request')
    this.status = status
    this.error = error
    // Not enumerable, so that a logger that prints the error does not print them.
    Object.defineProperty(this, 'description', { value: description })
    Object.defineProperty(this, 'body', { value: body })
  }
}

/** A response of the provider that cannot be used. Its message quotes nothing of it, so that events may show it. */
export class InvalidResponse extends StatedError {
  override readonly name = 'InvalidResponse'
}

/** The largest difference between two clocks that no provider minds, in seconds. */
const SAME_TIME = 30

/** Notes on a refusal how far the provider's clock is off: an assertion is good for a minute only. */
export function withSkew(error: unknown, date: string | null, now: number): unknown {
  const theirs = date === null ? Number.NaN : Date.parse(date) / 1000
  if (error instanceof ProviderRefusal && Math.abs(theirs - now) > SAME_TIME)
    error.skew = Math.round(theirs - now)
  return error
}
