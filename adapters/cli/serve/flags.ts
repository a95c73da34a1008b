import type { Flag, Flags, Line } from '../configuration/command.ts'
import { flagOf, variableOfFlag } from '../configuration/environment.ts'
import { knownVariables } from '../configuration/known-variables.ts'
import { variablesOfAll } from '../configuration/providers.ts'
import { isSecretVariable } from '../configuration/secret-variables.ts'
import { DANGEROUS } from '../configuration/unsafe-settings.ts'

const text = (description: string, hint: string): Flag => ({ type: 'string', description, hint })

/** The flags that the help text shows. */
const SHOWN: Flags = {
  mcp: text('The URL of the MCP server to protect', 'url'),
  upstream: text('The identity provider, such as github or oidc; dev signs in without one', 'name'),
  url: text('The public URL. Default: http://localhost:<port>', 'url'),
  port: text('The port to listen on. Default: 8787', 'number'),
  host: text('The address to listen on. Default: 127.0.0.1', 'address'),
  allow: text(
    'Who may sign in, comma-separated: user@example.com, @example.com, org:x, team:x/y, group:x or sub:x',
    'rules',
  ),
  storage: text('Where grants are stored. Default: fs:.lockgate/data', 'storage'),
  dev: { type: 'boolean', description: 'Sign in without a provider, on this machine only (--upstream dev)' },
  config: text('Config file, instead of lockgate.config.ts|js|mjs|json', 'file'),
  log: { type: 'string', values: ['text', 'json'], description: 'The format of events. Default: text' },
  ...Object.fromEntries(
    Object.entries(DANGEROUS).map(([name, description]) => [name, { type: 'boolean', description } as const]),
  ),
}

/** The flags that are shown by commands that read the settings of `serve`. */
const CONFIG: Flags = {
  config: SHOWN.config!,
  dev: { type: 'boolean', description: 'Settings are those of serve --dev' },
}

/** Returns the flags of every command that serves. */
export const serveFlags = async (args: readonly string[]): Promise<Flags> => ({
  ...(await hiddenFlags(args)),
  ...SHOWN,
})

/** Returns the flags of commands that read the settings of `serve`, beside their own. */
export const settingsFlags = async (args: readonly string[], own: Flags = {}): Promise<Flags> => ({
  ...(await hiddenFlags(args)),
  ...Object.fromEntries(Object.entries(SHOWN).map(([name, flag]) => [name, { ...flag, hidden: true }])),
  ...CONFIG,
  ...own,
})

/** Returns one flag for each variable, so that both have the same names. */
async function hiddenFlags(args: readonly string[]): Promise<Flags> {
  const ofProvider = args.some((arg) => arg.startsWith('--upstream-')) ? await variablesOfAll() : []
  const hidden = [...knownVariables(), ...ofProvider].map((variable): [string, Flag] => [
    flagOf(variable),
    {
      ...text(variable, 'value'),
      hidden: true,
      ...(isSecretVariable(variable) && {
        refused: `other users can see command lines; set ${variable} or ${variable}_FILE instead`,
      }),
    },
  ])
  return Object.fromEntries(hidden)
}

export const SETTINGS_NOTE = 'Settings are read as serve reads them, and its flags for them work here too.'

export const SERVE_NOTE =
  'Every variable LOCKGATE_X_Y has a flag --x-y, except those with secrets. A flag wins over the environment, the environment over .env, and .env over the config file.'

/** Returns the given flags as variables. @param own The flags of the command that are none of `serve`. */
export const variablesOfLine = ({ given }: Line, own: Flags = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given)
      .filter(([flag]) => flag !== 'env' && !Object.hasOwn(own, flag))
      .map(([flag, value]) =>
        flag === 'dev' ? ['LOCKGATE_UPSTREAM', 'dev'] : [variableOfFlag(flag), String(value)],
      ),
  )
