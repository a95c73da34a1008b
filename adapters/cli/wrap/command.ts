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
      const env = Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']))
      return { ...(await stdioSessions(command, args, env)), warning: await checkProgram(command) }
    })
    return undefined
  },
}
