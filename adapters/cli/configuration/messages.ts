import { ConfigError, createProxy, type ProxyOptions } from '../../../src/index.ts'
import { flagOf, SettingsError, type Variables, variableOf } from './environment.ts'

/** Returns what is wrong with the options that have a value. A missing one was named by its variable before. */
export function wrongOptions(options: ProxyOptions, places: Places): string[] {
  try {
    // With a listener nothing is printed: the start report has the warnings.
    createProxy({ ...options, on: { ...options.on, event: options.on?.event ?? (() => {}) } })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const isThere = ({ path }: { path: string }) =>
      options[path.split('.')[0] as keyof ProxyOptions] !== undefined
    return linesOf(error.issues.filter(isThere), places)
  }
}

/** Returns what is wrong, a line for each setting, or `undefined` for an unexpected error. */
export function explain(error: unknown): string | undefined {
  if (error instanceof SettingsError) return error.message
  return error instanceof ConfigError ? linesOf(error.issues).join('\n') : undefined
}

/** Everything that names the place of an option's value. */
interface Places {
  readonly from?: ReadonlyMap<string, string>
  readonly variables?: Variables
  /** The name of the config file. */
  readonly file?: string | undefined
}

/** Names each option by the place of its value: the config file, its flag or its variable. */
const linesOf = (issues: ConfigError['issues'], { from, variables, file }: Places = {}): string[] =>
  issues.map(({ path, message }) => {
    const parts = path.split('.')
    const variable = variableOf(path.replace(/\.\d+/g, ''))
    const inFile = parts.map((_, index) => from?.get(parts.slice(0, index + 1).join('.'))).findLast(Boolean)
    const origin = variables?.from(variable) ?? inFile
    if (file !== undefined && origin === file) return `${file}: ${path}: ${message}`
    return `${path} (${origin ?? variable}${entryOf(path)}): ${inVariables(message)}`
  })

/** People count the entries of a list in a variable from 1: `allow.0` → `, entry 1`. */
function entryOf(path: string): string {
  const index = /\.(\d+)$/.exec(path)?.[1]
  return index === undefined ? '' : `, entry ${Number(index) + 1}`
}

/** Names the option that confirms something unsafe by its variable and its flag. */
const inVariables = (message: string): string =>
  message.replace(/(?<=\(if you mean it: )dangerously\w+(?=\))/, (option) => {
    const variable = variableOf(option)
    return `${variable}=true or --${flagOf(variable)}`
  })
