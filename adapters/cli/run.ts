import { type ArgsDef, type CommandDef, renderUsage, runCommand } from 'citty'

/** A command line that cannot be understood. Ends the process with 2, as shells have it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A command with its name in full, such as `lockgate grants list`. */
interface Found {
  readonly command: CommandDef
  readonly parent: CommandDef | undefined
  readonly path: string
  /** What follows its name. */
  readonly rest: readonly string[]
}

const resolve = async <T>(value: T | (() => T) | (() => Promise<T>) | Promise<T>): Promise<T> =>
  typeof value === 'function' ? await (value as () => T | Promise<T>)() : await value

/**
 * Runs the command that the arguments name. A word or flag that nobody knows is never passed over: a misspelt
 * `--dry-run` would otherwise do the thing.
 *
 * @returns The exit code, where the command did not end the process itself.
 */
export async function run(main: CommandDef, args: readonly string[]): Promise<number> {
  const version = (await resolve(main.meta))?.version
  if (args.length === 1 && /^(--version|-v)$/.test(args[0]!)) {
    process.stdout.write(`${version}\n`)
    return 0
  }
  try {
    const found = await find(main, args)
    const flags = beforeDashes(found.rest)
    if (flags.some((arg) => arg === '--help' || arg === '-h')) {
      process.stdout.write(`${tidy(await renderUsage(found.command, found.parent))}\n`)
      return 0
    }
    const subCommands = await resolve(found.command.subCommands)
    if (subCommands) {
      const word = flags.find((arg) => !arg.startsWith('-'))
      const problem = word ? `There is no command ${word}` : 'A command is missing'
      throw usage(problem, found.path, word, Object.keys(subCommands), '')
    }
    checkFlags(flags, (await resolve(found.command.args)) ?? {}, found.path)
    await runCommand(found.command, { rawArgs: [...found.rest] })
    return 0
  } catch (error) {
    // Citty's own errors are of this kind too: a missing argument, a value that is none of the few.
    if (!(error instanceof UsageError) && (error as Error).name !== 'CLIError') throw error
    process.stderr.write(`${(error as Error).message}\n`)
    return 2
  }
}

const WIDTH = 110

/** A table whose last column does not run out of the window. */
function tidy(usage: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  const lines = usage.replace(/\u001b\[\d+m/g, '').split('\n')
  return lines.map((line) => wrap(line.trimEnd())).join('\n')
}

function wrap(line: string): string {
  const [, head = '', rest = ''] = /^( +\S+ +)(.*)$/.exec(line) ?? []
  if (line.length <= WIDTH || head === '') return line
  const rows = rest.match(new RegExp(`.{1,${Math.max(30, WIDTH - head.length)}}(?: |$)`, 'g')) ?? [rest]
  return head + rows.map((row) => row.trimEnd()).join(`\n${' '.repeat(head.length)}`)
}

async function find(main: CommandDef, args: readonly string[]): Promise<Found> {
  let found: Found = { command: main, parent: undefined, path: 'lockgate', rest: args }
  for (;;) {
    const subCommands = await resolve(found.command.subCommands)
    const [word, ...rest] = found.rest
    const next = word && subCommands && Object.hasOwn(subCommands, word) && subCommands[word]
    if (!next) return found
    const command = (await resolve(next)) as CommandDef
    found = { command, parent: found.command, path: `${found.path} ${word}`, rest }
  }
}

const beforeDashes = (args: readonly string[]): readonly string[] =>
  args.includes('--') ? args.slice(0, args.indexOf('--')) : args

function checkFlags(args: readonly string[], defined: ArgsDef, path: string): void {
  const known = Object.entries(defined).filter(([, { type }]) => type !== 'positional')
  const positionals = Object.keys(defined).length - known.length
  const names = known.map(([name]) => name)
  const words: string[] = []
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg)
      continue
    }
    const [flag = '', value] = arg.split(/=(.*)/s)
    const [, definition] = known.find(([name]) => flag === `--${name}`) ?? []
    if (!definition) throw usage(`There is no flag ${flag}`, path, flag.replace(/^-+/, ''), names, '--')
    if (definition.type === 'boolean') {
      if (value !== undefined) throw usage(`${flag} takes no value`, path)
    } else if (value === undefined) {
      const next = args[++index]
      if (next === undefined || next.startsWith('--')) throw usage(`${flag} needs a value`, path)
    }
  }
  if (words.length > positionals) throw usage(`${words[positionals]} is one word too many`, path)
}

/** @param near What was written, and what it may have meant. */
function usage(
  problem: string,
  path: string,
  near = '',
  names: readonly string[] = [],
  prefix = '',
): UsageError {
  const meant = names.find((name) => near !== '' && distance(near, name) <= Math.ceil(near.length / 3))
  const hint = meant ? `: did you mean ${prefix}${meant}?` : '.'
  return new UsageError(`${problem}${hint}\nSee ${path} --help.`)
}

/** How many letters have to be put in, taken out or exchanged to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
    }
    row = next
  }
  return row[b.length]!
}
