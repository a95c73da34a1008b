import { styleText } from 'node:util'
import type { Listener, ProxyEvent } from '../../../src/index.ts'
import { printable, reasons } from '../../../src/internal.ts'
import { jsonLines } from '../../events/json-lines.ts'

/** The format of events: one line for people, or one line of JSON with every member. */
export type LogFormat = 'json' | 'text'

type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'cyan'

const COLOURS: Readonly<Partial<Record<ProxyEvent['type'], Colour>>> = {
  'signed-in': 'green',
  issued: 'green',
  forwarded: 'dim',
  refused: 'yellow',
  'rate-limited': 'yellow',
  'turned-away': 'yellow',
  'reuse-detected': 'red',
  'grant-ended': 'cyan',
  failed: 'red',
}

/** Returns a listener that writes events to `out`. Events hold no token, so a log can be kept. */
export function createLog(format: LogFormat, out: NodeJS.WritableStream & { isTTY?: boolean }): Listener {
  const write = (line: string) => out.write(`${line}\n`)
  if (format === 'json') return jsonLines(write)
  const coloured = out.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  return (event) => write(toLine(event, coloured))
}

/** Writes one event for people. Its ids are in the JSON format only. */
export function toLine(event: ProxyEvent, coloured = false): string {
  const { type, time, endpoint, reason, detail, error, clientName, status, duration, action } = event
  const paint = (text: string, colour: Colour | undefined) =>
    coloured && colour ? styleText(colour, text, { validateStream: false }) : text
  const explains = type === 'failed' || type === 'refused' || type === 'turned-away'
  const meaning = reason && explains ? reasons[reason] : undefined
  const parts = [
    paint(time.slice(0, 19).replace('T', ' '), 'dim'),
    paint(type.padEnd(14), COLOURS[type]),
    clientName ?? '',
    endpoint ?? '',
    action ?? '',
    status === undefined ? '' : String(status),
    duration === undefined ? '' : `${Math.round(duration)} ms`,
    reason ?? '',
    detail === undefined ? '' : `(${detail})`,
    error ?? '',
    meaning ? `— ${meaning[0]} ${meaning[1]}` : '',
  ]
  const [when = '', what = '', ...rest] = parts
  return `${when}  ${what} ${rest.filter(Boolean).map(printable).join('  ')}`.trimEnd()
}
