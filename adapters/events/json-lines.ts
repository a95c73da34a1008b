import type { ProxyEvent } from '../../src/index.ts'

/**
 * A listener for `on.event` that writes each event as one JSON object a line: what log collectors read.
 *
 * @param write Gets the line without its end; `console.log` by default, which every runtime has.
 */
export function jsonLines(write: (line: string) => void = console.log): (event: ProxyEvent) => void {
  return (event) => write(JSON.stringify(event))
}
