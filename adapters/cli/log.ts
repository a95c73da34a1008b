import type { ProxyEvent } from '../../src/index.ts'

/** How events are written: one JSON object a line, or one line for a person. */
export type LogFormat = 'json' | 'text'

/** Writes events to `out`. They hold no token, so a log may be kept. */
export function createLog(format: LogFormat, out: NodeJS.WritableStream): (event: ProxyEvent) => void {
  return (event) => out.write(`${format === 'json' ? JSON.stringify(event) : toLine(event)}\n`)
}

function toLine({ type, time, ...rest }: ProxyEvent): string {
  const details = Object.entries(rest)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([name, value]) => `${name}=${/^[\w./:@-]+$/.test(String(value)) ? value : JSON.stringify(value)}`)
  return `${time} ${type.padEnd(12)} ${details.join(' ')}`.trimEnd()
}
