import type { Call } from '../context.ts'
import type { Admission } from '../guard/admission.ts'
import type { Head } from '../http/head.ts'

/** One request on its way to a protected resource. */
export interface Visit {
  readonly head: Head
  readonly call: Call
  /** The browser page that calls, if one does. */
  readonly origin: string | null
}

/** A request that may pass. */
export interface Admitted extends Visit {
  readonly admission: Admission
  /** The provider's access token, if the MCP server gets it. */
  readonly token: string | undefined
}
