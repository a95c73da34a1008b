import { closest, reasons } from '../../../src/internal.ts'
import { type Command, UsageError } from '../configuration/command.ts'
import { REASONS_OF_EVENT } from './event-types.ts'

type Entry = readonly [meaning: string, remedy: string]

export const explainCommand: Command = {
  description: 'Print the meaning and the remedy of a reason code of an event, a log or an error page',
  words: [
    {
      name: 'code',
      description:
        'A reason code such as not-in-allow, or a type of event. Without one, all codes are listed',
    },
  ],
  async run({ words: [code] }) {
    const table: Readonly<Record<string, Entry>> = reasons
    if (code === undefined) {
      const wide = Math.max(...Object.keys(table).map(({ length }) => length))
      const rows = Object.entries(table).map(([name, [meaning]]) => `${name.padEnd(wide)}  ${meaning}\n`)
      process.stdout.write(rows.join(''))
      return 0
    }
    const type = Object.keys(REASONS_OF_EVENT).find((one) => one === code)
    if (type !== undefined) {
      process.stdout.write(aboutEvent(type as keyof typeof REASONS_OF_EVENT))
      return 0
    }
    const found = Object.hasOwn(table, code) ? table[code] : undefined
    if (!found) throw new UsageError(unknown(code, Object.keys(table)))
    process.stdout.write(`${code}\n\n  ${found[0]}\n  What to do: ${found[1]}\n`)
    return 0
  },
}

/** Explains a type of event by its reasons, because logs have both words side by side. */
function aboutEvent(type: keyof typeof REASONS_OF_EVENT): string {
  const reasonsOfType = REASONS_OF_EVENT[type]
  const all = Object.keys(reasons) as (keyof typeof reasons)[]
  const codes = reasonsOfType === 'any' ? all : reasonsOfType
  const head = `${type} is a type of event, not a reason code.`
  if (codes.length === 0) return `${head} It has no reason: nothing is wrong.\n`
  const wide = Math.max(...codes.map(({ length }) => length))
  const rows = codes.map((code) => `  ${code.padEnd(wide)}  ${reasons[code][0]}\n`)
  return `${head} Its reasons are:\n\n${rows.join('')}\nSee lockgate explain <code> for what to do.\n`
}

function unknown(code: string, known: readonly string[]): string {
  const word = code.toLowerCase()
  const meant = closest(word, [...known, ...Object.keys(REASONS_OF_EVENT)])
  const alike = known.filter((one) => one !== meant && word.length > 3 && one.includes(word))
  const all = [...(meant === undefined ? [] : [meant]), ...alike].slice(0, 5)
  const hint = all.length === 0 ? '.' : `: did you mean ${all.join(' or ')}?`
  return `There is no reason code ${code}${hint}\nWithout a code, lockgate explain lists all.`
}
