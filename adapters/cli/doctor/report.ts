import { styleText } from 'node:util'
import type { Diagnosis, Finding, Status, Verdict } from '../../doctor/index.ts'

type Colour = Parameters<typeof styleText>[0]

const MARKS: Readonly<Record<Status, readonly [string, Colour]>> = {
  ok: ['ok', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['FAIL', 'red'],
  skip: ['skip', 'dim'],
}

const WORKS = { yes: ['yes', 'green'], partly: ['partly', 'yellow'], no: ['NO', 'red'] } as const

type Paint = (text: string, colour: Colour) => string

export const painter =
  (colours: boolean): Paint =>
  (text, colour) =>
    colours ? styleText(colour, text, { validateStream: false }) : text

export const countOf = (findings: readonly Finding[], status: Status): number =>
  findings.filter((finding) => finding.status === status).length

/** Findings for people, a line or four for each. */
export function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  const wide = Math.max(...findings.map(({ id }) => id.length))
  return findings.flatMap((finding) => {
    const [mark, colour] = MARKS[finding.status]
    const { seen, expected, fix, title, status, id } = finding
    const short = seen !== undefined && (status === 'skip' || status === 'ok')
    const head = `  ${paint(mark.padEnd(4), colour)}  ${id.padEnd(wide)}  ${title}${short ? paint(` (${seen})`, 'dim') : ''}`
    if (status === 'ok' || status === 'skip') return [head]
    const detail = Object.entries({ seen, expected, fix }).filter(([, text]) => text !== undefined)
    return [head, ...detail.map(([name, text]) => `        ${paint(name.padEnd(8), 'dim')}  ${text}`)]
  })
}

/** An examination for people. @param colours Only for a terminal that wants them. */
export function report(
  { url, findings, clients, requests, registered }: Diagnosis,
  colours: boolean,
): string {
  const paint = painter(colours)
  const count = (status: Status) => countOf(findings, status)

  const verdict = ({ client, works, failing, minor, note }: Verdict): string => {
    const [mark, colour] = WORKS[works]
    const why = [
      ...(failing.length > 0 ? [`because of ${failing.join(', ')}`] : []),
      ...(minor.length > 0 ? [`misses ${minor.join(', ')}`] : []),
      ...(note === undefined ? [] : [note]),
    ]
    return `  ${client.padEnd(13)}  ${paint(mark.padEnd(6), colour)}  ${why.join('; ')}`.trimEnd()
  }

  const { made, deleted } = registered
  const left =
    made === 0 ? 'no client registered' : `${made} probe clients registered, ${deleted} deleted again`
  return [
    paint(url, 'bold'),
    '',
    ...findingLines(findings, paint),
    '',
    'Does it work with',
    ...clients.map(verdict),
    '',
    `${count('fail')} failed, ${count('warn')} to improve, ${count('ok')} ok, ${count('skip')} skipped; ${requests} requests, ${left}.`,
    '',
  ].join('\n')
}
