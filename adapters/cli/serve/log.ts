import type { Listener, ProxyEvent } from '../../../src/index.ts'
import { jsonLines } from '../../events/json-lines.ts'

/** How events are written: one JSON object a line, or one line for a person. */
export type LogFormat = 'json' | 'text'

/** Writes events to `out`. They hold no token, so a log may be kept. */
export function createLog(format: LogFormat, out: NodeJS.WritableStream): Listener {
  const write = (line: string) => out.write(`${line}\n`)
  if (format === 'json') return jsonLines(write)
  return (event) => {
    // People read what changes; what merely passes would bury it.
    if (event.type !== 'forwarded') write(toLine(event))
  }
}

function toLine({ type, time, ...rest }: ProxyEvent): string {
  const details = Object.entries(rest)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([name, value]) => `${name}=${/^[\w./:@-]+$/.test(String(value)) ? value : JSON.stringify(value)}`)
  return `${time} ${type.padEnd(12)} ${details.join(' ')}`.trimEnd()
}
