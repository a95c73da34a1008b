import type { ProxyEvent } from '../../src/index.ts'
import { printable } from '../../src/internal.ts'

/**
 * Returns a listener for `on.event` that writes each event as one line of JSON, for log collectors. Control characters,
 * bidi marks and line separators are escaped, so that a line is safe to print.
 *
 * @param write Receives the line without its end. Default: `console.log`.
 */
export function jsonLines(write: (line: string) => void = console.log): (event: ProxyEvent) => void {
  return (event) => write(printable(JSON.stringify(event)))
}
