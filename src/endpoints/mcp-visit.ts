import type { Call } from '../context.ts'
import type { Head } from '../http/head.ts'

/** One request on its way to a protected resource. */
export interface Visit {
  readonly head: Head
  readonly call: Call
  /** The browser page that calls, if one does. */
  readonly origin: string | null
}
