import { parseArgs } from 'node:util'
import { closest } from '../../../src/internal.ts'
import { type Command, type Flags, type Group, type Line, UsageError } from './command.ts'
import { commandHelp, groupHelp } from './help.ts'

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
    if (flag.refused) throw usage(`${rawName}: ${flag.refused}.`, path)
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
