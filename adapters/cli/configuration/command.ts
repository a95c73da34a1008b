import { parseArgs } from 'node:util'
import { closest } from './closest.ts'
import { commandHelp, groupHelp } from './help.ts'

/** One flag of a command. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly description: string
  /** The placeholder of the value in the help text. */
  readonly hint?: string
  /** The only values that the flag accepts. */
  readonly values?: readonly string[]
  readonly default?: string
  /** Leaves the flag out of the help text. */
  readonly hidden?: boolean
}

export type Flags = Readonly<Record<string, Flag>>

/** The parsed command line of one command. */
export interface Line {
  /** The value of a flag with a value, or its default. */
  text(flag: string): string | undefined
  /** `true` if the switch was given. */
  on(flag: string): boolean
  /** Every flag that was given, with `true` for a switch. */
  readonly given: Readonly<Record<string, string | true>>
  readonly words: readonly string[]
  /** The words after `--`. */
  readonly rest: readonly string[]
}

/** A command that runs. */
export interface Command {
  readonly description: string
  readonly flags?: Flags | ((args: readonly string[]) => Flags | Promise<Flags>)
  /** The words that the command accepts, in order. */
  readonly words?: readonly { readonly name: string; readonly description: string }[]
  /** What the words after `--` are, for a command that accepts any. */
  readonly rest?: string
  /** A last paragraph of the help text. */
  readonly note?: string
  /** Runs the command. A returned number ends the process with that exit code. */
  run(line: Line): Promise<number | undefined>
}

/** A command that only has commands below it. */
export interface Group {
  readonly description: string
  readonly commands: Readonly<Record<string, Entry>>
}

/** A command with its description, loaded on use. */
export interface Entry {
  readonly description: string
  load(): Promise<Command | Group>
}

/** A command line that is not understood. The process ends with 2, as shells do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Runs the command that the arguments name. An unknown word or flag is an error, because a misspelled `--dry-run` must
 * not run the command.
 *
 * @returns The exit code, or `undefined` if the command keeps the process alive.
 */
export async function run(
  main: Group,
  version: string,
  args: readonly string[],
): Promise<number | undefined> {
  if (args.length === 1 && /^(--version|-v)$/.test(args[0]!)) {
    process.stdout.write(`${version}\n`)
    return 0
  }
  try {
    const { command, path, rest } = await find(main, args)
    const before = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest
    const wantsHelp = before.some((arg) => arg === '--help' || arg === '-h')
    if ('commands' in command) {
      const text = await groupHelp(path, command)
      if (wantsHelp) process.stdout.write(text)
      else throw missing(command, before, path)
      return 0
    }
    const flags = typeof command.flags === 'function' ? await command.flags(before) : (command.flags ?? {})
    if (wantsHelp) {
      process.stdout.write(commandHelp(path, command, flags))
      return 0
    }
    return (await command.run(parse(command, flags, rest, path))) ?? undefined
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
}

interface Found {
  readonly command: Command | Group
  /** The name in full, such as `lockgate grants list`. */
  readonly path: string
  readonly rest: readonly string[]
}

async function find(main: Group, args: readonly string[]): Promise<Found> {
  let found: Found = { command: main, path: 'lockgate', rest: args }
  while ('commands' in found.command) {
    const [word = '', ...rest] = found.rest
    const { commands } = found.command
    if (!Object.hasOwn(commands, word)) return found
    found = { command: await commands[word]!.load(), path: `${found.path} ${word}`, rest }
  }
  return found
}

function missing({ commands }: Group, args: readonly string[], path: string): UsageError {
  const word = args.find((arg) => !arg.startsWith('-'))
  if (word === undefined) return usage('A command is missing.', path)
  return usage(`There is no command ${word}${hint(word, Object.keys(commands), '')}`, path)
}

function parse(command: Command, flags: Flags, args: readonly string[], path: string): Line {
  const end = args.indexOf('--')
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]))
  // Not `strict`: its messages differ by runtime and suggest nothing.
  const { tokens } = parseArgs({
    args: end < 0 ? [...args] : args.slice(0, end),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const given: Record<string, string | true> = {}
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    const flag = Object.hasOwn(flags, name) && rawName.startsWith('--') ? flags[name]! : undefined
    if (!flag) throw usage(`There is no flag ${rawName}${hint(name, Object.keys(flags), '--')}`, path)
    if (flag.type === 'boolean' && value !== undefined) throw usage(`${rawName} takes no value.`, path)
    if (flag.type === 'string' && (value === undefined || (!inlineValue && value.startsWith('--'))))
      throw usage(`${rawName} needs a value.`, path)
    if (flag.values && !flag.values.includes(value!))
      throw usage(`${rawName}: expected ${flag.values.join(' or ')}${hint(value!, flag.values, '')}`, path)
    given[name] = value ?? true
  }
  const accepted = command.words?.length ?? 0
  if (words.length > accepted) throw usage(`${words[accepted]} is one word too many.`, path)
  const text = (name: string) => (typeof given[name] === 'string' ? given[name] : flags[name]?.default)
  return { text, on: (name) => given[name] === true, given, words, rest: end < 0 ? [] : args.slice(end + 1) }
}

const usage = (problem: string, path: string) => new UsageError(`${problem}\nSee ${path} --help.`)

function hint(word: string, names: readonly string[], prefix: string): string {
  const meant = closest(word, names)
  return meant === undefined ? '.' : `: did you mean ${prefix}${meant}?`
}
