import { type ErrorDetail, OAuthError } from '../errors.ts'

/**
 * What is known of a request that failed and may do better later.
 *
 * - `none`: the provider did not do what it was asked, or was never reached.
 * - `unanswered`: the connection ended before an answer. Mostly it was an idle one that the provider had just closed.
 * - `unclear`: it may have been done: an answer nobody can use, or none in time.
 */
export type Effect = 'none' | 'unanswered' | 'unclear'

/** Trouble with a provider that may pass: whatever depends on its answer is neither granted nor ended by it. */
export class UpstreamUnavailable extends OAuthError {
  readonly effect: Effect
  /** Seconds after which it makes sense to ask again within the same request, if it does. */
  readonly again: number | undefined

  constructor(message: string, detail: ErrorDetail & { effect: Effect; again: number | undefined }) {
    super('temporarily_unavailable', message, detail)
    this.effect = detail.effect
    this.again = detail.again
  }
}

/** The same trouble, met before the request that matters was sent. */
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

/** Error codes of connections that were never made, as Node and Bun have them. */
const NOT_CONNECTED = new Set(
  'ECONNREFUSED ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH UND_ERR_CONNECT_TIMEOUT ConnectionRefused'.split(
    ' ',
  ),
)

/** What a failed connection did, as far as the runtime says. */
export function effectOf(cause: unknown): 'none' | 'unanswered' {
  for (let current = cause, depth = 0; current instanceof Error && depth < 4; depth++) {
    const { code } = current as { code?: unknown }
    if (typeof code === 'string' && NOT_CONNECTED.has(code)) return 'none'
    current = current.cause
  }
  return 'unanswered'
}
