import { printable } from '../../../src/internal.ts'
import { type Command, UsageError } from '../configuration/command.ts'
import { listOf } from '../configuration/environment.ts'
import { runServer } from '../serve/command.ts'
import { SERVE_NOTE, serveFlags } from '../serve/flags.ts'
import { checkProgram } from '../serve/start-checks.ts'
import { stdioSessions } from './stdio-sessions.ts'

export const wrapCommand: Command = {
  description: 'Run the proxy in front of an MCP server that is a local program',
  flags: async (args) => ({
    env: {
      type: 'string',
      hint: 'names',
      description: 'Comma-separated variables to pass to the program, in addition to PATH, HOME and the like',
    },
    ...(await serveFlags(args)),
  }),
  note: SERVE_NOTE,
  rest: '<command> [arguments]',
  async run(line) {
    const [command, ...args] = line.rest
    if (!command) throw new UsageError('The command is missing: lockgate wrap -- <command> [arguments]')
    await runServer(line, async () => {
      const names = listOf(line.text('env') ?? '')
      return {
        ...(await stdioSessions(command, args, () => valuesOf(names))),
        command,
        warnings: async () => [...absent(names), (await checkProgram(command)) ?? []].flat(),
      }
    })
    return undefined
  },
}

/** Returns the variables that are there. Those of `.env` are there once the settings have been read. */
const valuesOf = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )

const absent = (names: readonly string[]): string[] =>
  names
    .filter((name) => process.env[name] === undefined)
    .map(
      (name) =>
        `--env: there is no variable ${printable(name)} to pass to the program; set it here or in .env`,
    )
