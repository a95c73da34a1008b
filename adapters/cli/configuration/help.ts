import type { Command, Flags, Group } from './command.ts'

const WIDTH = 110

/** Returns the help text of a command with commands below it. */
export function groupHelp(path: string, { description, commands }: Group): string {
  const rows = Object.entries(commands).map(([name, entry]) => [name, entry.description] as const)
  return `${description}.\n\nUSAGE ${path} ${Object.keys(commands).join('|')}\n\nCOMMANDS\n${table(rows)}\nSee ${path} <command> --help for its options.\n`
}

/** Returns the help text of one command. */
export function commandHelp(path: string, command: Command, flags: Flags): string {
  const { description, words = [], rest, note } = command
  const shown = Object.entries(flags).filter(([, { hidden }]) => !hidden)
  const usage = [path, ...words.map(({ name }) => `[${name}]`), '[OPTIONS]', ...(rest ? [`-- ${rest}`] : [])]
  const options = shown.map(([name, flag]) => {
    const value = flag.hint ?? flag.values?.join('|') ?? 'text'
    const usual = flag.default === undefined ? '' : ` (default ${flag.default})`
    return [`--${name}${flag.type === 'string' ? ` <${value}>` : ''}`, flag.description + usual] as const
  })
  const sections = [
    `${description}.`,
    `USAGE ${usage.join(' ')}`,
    words.length > 0 && `ARGUMENTS\n${table(words.map((word) => [word.name, word.description]))}`.trimEnd(),
    `OPTIONS\n${table([...options, ['--help', 'Show this text']])}`.trimEnd(),
    note,
  ]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

/** Two columns. A long second one is wrapped below itself. */
function table(rows: readonly (readonly [string, string])[]): string {
  const wide = Math.min(34, Math.max(...rows.map(([name]) => name.length)))
  return rows
    .map(([name, text]) => {
      const indent = ' '.repeat(wide + 4)
      const lines = wrap(text, WIDTH - indent.length)
      const head = name.length > wide ? `  ${name}\n${indent}` : `  ${name.padEnd(wide)}  `
      return `${head}${lines.join(`\n${indent}`)}\n`
    })
    .join('')
}

const wrap = (text: string, width: number): string[] =>
  (text.match(new RegExp(`.{1,${width}}(?: |$)`, 'g')) ?? [text]).map((line) => line.trimEnd())
