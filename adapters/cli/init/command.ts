import { isLoopbackUrl as isLoopback, providerIssues } from '../../../src/internal.ts'
import type { Provider } from '../../../src/providers/define.ts'
import type { Command, Flags } from '../configuration/command.ts'
import { variableOfFlag } from '../configuration/environment.ts'
import { knownIssuer } from '../configuration/known-issuers.ts'
import { MCP_CLIENTS } from '../configuration/mcp-clients.ts'
import { explain } from '../configuration/messages.ts'
import { readUpstream, upstreamVariable } from '../configuration/providers.ts'
import { keptSecrets, newSecret } from '../configuration/secret.ts'
import {
  type Answers,
  definitionOf,
  flagOf,
  type Given,
  inputsOf,
  KNOWN,
  RUNTIMES,
  readAnswers,
} from './answers.ts'
import { entryOf } from './entries.ts'
import { nextSteps } from './next-steps.ts'
import { unmetOf } from './rules.ts'
import { variablesOf } from './variables.ts'
import { ignore, keptSecret, refuseToReplace, writeFiles, writeVariables } from './write.ts'

const text = (description: string, hint: string) => ({ type: 'string', description, hint }) as const
const few = (description: string, table: object, hint: string) =>
  text(`${description}: ${Object.keys(table).join(', ')}`, hint)

const FLAGS: Flags = {
  provider: few('Who signs users in; with --help this shows what it needs', KNOWN, 'name'),
  mcp: text('URL of the MCP server to protect', 'url'),
  url: text('The address that clients and browsers see; http://localhost:8787 by default', 'url'),
  'client-id': text('Of the application registered at the provider; may be filled in later', 'id'),
  'client-secret': text('Its secret; better filled in later, since other users see command lines', 'secret'),
  allow: text(
    'Who may sign in: user@example.com, @example.com, org:x, team:x/y, group:x or sub:x, separated by commas',
    'rules',
  ),
  runtime: few('Where it will run, node by default', RUNTIMES, 'name'),
  storage: text(
    'Where grants are kept, as LOCKGATE_STORAGE has it; by default as suits the runtime',
    'storage',
  ),
  client: few('The MCP client to connect first, claude-code by default', MCP_CLIENTS, 'name'),
  force: {
    type: 'boolean',
    description:
      'Replace files. Values in .env stay unless a flag sets them, and each old file is kept as .bak',
  },
}

/** The flags, with those of the provider that the command line names. */
async function flagsFor(args: readonly string[]): Promise<Flags> {
  const provider = /^--provider[=\n](.+)$/m.exec(args.join('\n'))?.[1]
  const inputs = inputsOf(await definitionOf(provider)).map(([name, { expected, required }]) => {
    const description = `${provider}: ${expected}${required ? '' : ' (optional)'}`
    return [flagOf(name), text(description, name)] as const
  })
  const { provider: first, ...others } = FLAGS
  return { provider: first!, ...Object.fromEntries(inputs), ...others }
}

export const initCommand: Command = {
  description: 'Write a configuration and list the remaining steps',
  flags: flagsFor,
  async run(line) {
    try {
      const { force, ...flags } = line.given
      process.stdout.write(await init(process.cwd(), flags as Given, force === true))
      return 0
    } catch (error) {
      if ((error as Error).name === 'Cancelled') process.stderr.write('Nothing was written.\n')
      else process.stderr.write(`${explain(error) ?? (error as Error).message}\n`)
      return 1
    }
  },
}

async function init(cwd: string, flags: Given, force: boolean): Promise<string> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY
  const given = isTerminal ? await (await import('./questions.ts')).ask(flags) : flags
  const answers = await readAnswers(given)
  if (Array.isArray(answers)) throw new Error(answers.join('\n'))
  const secrets = answers.runtime === 'workers' ? '.dev.vars' : '.env'
  const secret = (await keptSecret(cwd, secrets)) ?? (await triedSecret(cwd, answers)) ?? newSecret()
  const provider = await providerOf(answers)
  const anyone = !isLoopback(answers.url) && !answers.allow && provider?.publicAccounts === true
  const variables = variablesOf(answers, secret, anyone)
  const files = entryOf(answers, variables)
  const paths = [...files.map(({ path }) => path), secrets]
  if (!force) await refuseToReplace(cwd, paths)
  const ignored = await ignore(cwd, [
    secrets,
    `${secrets}.bak*`,
    answers.runtime === 'workers' ? '.wrangler' : '.lockgate',
  ])
  await writeVariables(cwd, secrets, variables, givenVariables(given, answers))
  await writeFiles(cwd, files, force)
  return nextSteps(answers, {
    written: ignored ? [...paths, '.gitignore'] : paths,
    variables,
    secrets,
    anyone,
    unmet: unmetOf(answers.allow, provider),
  })
}

/** Returns the secret of an earlier `serve` on the same data, so that the ids of its users stay. */
async function triedSecret(cwd: string, { runtime, storage }: Answers): Promise<string | undefined> {
  return runtime === 'workers' ? undefined : (await keptSecrets({ storage, cwd }))[0]?.secret
}

/** Returns the variables that the command line or the answers of a user set. */
function givenVariables(given: Given, { inputs }: Answers): ReadonlySet<string> {
  const own: Record<string, string> = {
    provider: 'LOCKGATE_UPSTREAM',
    url: 'LOCKGATE_URL',
    mcp: 'LOCKGATE_MCP',
  }
  const others = ['allow', 'storage']
  const names = Object.entries(given).flatMap(([flag, value]) => {
    if (!value) return []
    if (own[flag]) return [own[flag]]
    return [others.includes(flag) ? variableOfFlag(flag) : variableOfFlag(`upstream-${flag}`)]
  })
  // The issuer of a provider that is known by it follows from other flags.
  const follow = knownIssuer(given.provider) ? Object.keys(inputs).map(upstreamVariable) : []
  return new Set([...names, ...follow, ...(given.url ? ['PORT'] : [])])
}

/** Returns the provider as it will be. */
async function providerOf({ provider, inputs }: Answers): Promise<Provider | undefined> {
  const env = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [upstreamVariable(name), value]),
  )
  const credentials = { [upstreamVariable('clientId')]: 'id', [upstreamVariable('clientSecret')]: 'secret' }
  const made = await readUpstream({ LOCKGATE_UPSTREAM: provider, ...credentials, ...env })
  // An option that the user fills in later may be missing.
  return 'login' in made || providerIssues(made).length > 0 ? undefined : made
}
