import { type ErrorDetail, OAuthError } from '../errors.ts'

/**
 * The known effect of a request that failed and may succeed later.
 *
 * - `none`: the provider did not do what was requested, or was never reached.
 * - `unanswered`: the connection ended before a response. Usually it was an idle one that the provider had just closed.
 * - `unclear`: the provider may have done it: the response is unusable or did not come in time.
 */
export type Effect = 'none' | 'unanswered' | 'unclear'

/** A temporary provider failure. It never grants anything and never ends a grant. */
export class UpstreamUnavailable extends OAuthError {
  override readonly name = 'UpstreamUnavailable'
  readonly effect: Effect
  /** Seconds after which another attempt within the same request makes sense. Absent if none does. */
  readonly again: number | undefined

  constructor(message: string, detail: ErrorDetail & { effect: Effect; again: number | undefined }) {
    super('temporarily_unavailable', message, detail)
    this.effect = detail.effect
    this.again = detail.again
  }
}

/** Rethrows a temporary failure from before the request that matters: it had no effect. */
export function beforehand(error: unknown): never {
  if (!(error instanceof UpstreamUnavailable)) throw error
  const { message, reason, detail, cause, retryAfter } = error
  throw new UpstreamUnavailable(message, {
    reason,
    detail,
    cause,
    retryAfter,
    effect: 'none',
    again: undefined,
  })
}

/** Error codes of connections that were never made, in Node and Bun. */
const NOT_CONNECTED = new Set(
  'ECONNREFUSED ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH UND_ERR_CONNECT_TIMEOUT ConnectionRefused'.split(
    ' ',
  ),
)

/** Returns the effect of a failed connection, as far as the runtime tells. */
export function effectOf(cause: unknown): 'none' | 'unanswered' {
  for (let current = cause, depth = 0; current instanceof Error && depth < 4; depth++) {
    const { code } = current as { code?: unknown }
    if (typeof code === 'string' && NOT_CONNECTED.has(code)) return 'none'
    current = current.cause
  }
  return 'unanswered'
}
