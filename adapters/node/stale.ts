import { StatedError } from '../../src/internal.ts'

/** Methods that a proxy may repeat. @see [RFC 9110 §9.2.2](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2) */
const IDEMPOTENT = /^(GET|HEAD|OPTIONS|DELETE)$/

/** Errors of a connection that ended before a response came. */
const CUT = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/** Returns whether a request without a body may be sent again after an error, because its connection was stale. */
export const mayRepeat = (method: string, error: Error): boolean =>
  IDEMPOTENT.test(method) && CUT.has((error as NodeJS.ErrnoException).code ?? '')

/** The reason to end a request whose client is gone. */
export const hasLeft = (): StatedError => new StatedError('The client has left')
