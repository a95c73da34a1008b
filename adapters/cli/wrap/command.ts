import { type ArgsDef, defineCommand } from 'citty'
import { listOf } from '../configuration/environment.ts'
import { UsageError } from '../run.ts'
import { runServer, serveArgs } from '../serve/command.ts'
import { stdioSessions } from './stdio-sessions.ts'

export const wrapCommand = defineCommand({
  meta: {
    name: 'wrap',
    description: 'Serve an MCP server that is a program: lockgate wrap [OPTIONS] -- <command> [arguments]',
  },
  args: {
    env: {
      type: 'string',
      valueHint: 'names',
      description: 'Variables that the program gets, by commas, beside PATH, HOME and the like',
    },
    ...serveArgs,
  } as ArgsDef,
  async run({ args, rawArgs }) {
    const [command, ...rest] = rawArgs.includes('--') ? rawArgs.slice(rawArgs.indexOf('--') + 1) : []
    if (!command) throw new UsageError('The command is missing: lockgate wrap -- <command> [arguments]')
    await runServer(args as Record<string, string | boolean | undefined>, () => {
      const names = listOf(typeof args.env === 'string' ? args.env : '')
      return stdioSessions(
        command,
        rest,
        Object.fromEntries(names.map((name) => [name, process.env[name] ?? ''])),
      )
    })
  },
})
