import { isTable, type ScalarOption, scalarOptions } from '../../../src/internal.ts'
import {
  listOf,
  SettingsError,
  toNumber,
  toSwitch,
  toWord,
  type Variables,
  variableOf,
} from './environment.ts'

/** Variables that settings.ts reads, because more than their value decides. */
const OWN = new Set(['url', 'secret', 'mcp', 'allow', 'upstream', 'storage'])

/** One option that a variable sets. */
export interface SetOption {
  readonly path: string
  readonly value: unknown
  readonly origin: string
}

/**
 * Returns the options that single variables set.
 *
 * @param problems Receives a line for each value of the wrong type.
 */
export function readScalars({ get, from }: Variables, problems: string[]): SetOption[] {
  const found: SetOption[] = []
  for (const { path, type, values } of scalarOptions()) {
    const variable = variableOf(path)
    const text = get(variable)
    if (text === undefined || OWN.has(path)) continue
    const origin = from(variable)!
    try {
      const value = values ? toWord(text, values, origin) : convert(text, type, origin, path)
      found.push({ path, value, origin })
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      problems.push(error.message)
    }
  }
  return found
}

function convert(text: string, type: ScalarOption['type'], origin: string, path: string): unknown {
  if (type === 'list') return listOf(text)
  if (type === 'number') return toNumber(text, origin, unitOf(path))
  return type === 'boolean' ? toSwitch(text, origin) : text
}

/** Words that name the unit of a number, after "a whole number". */
function unitOf(path: string): string {
  if (path === 'trustProxy') return ', such as 1 for one proxy in front'
  return /(Ttl|Grace|Lag)$/.test(path) ? ' of seconds, such as 60' : ''
}

/**
 * Returns a copy of `options` with one option set, also inside an object. Returns `undefined` if something else is in the
 * place of that object, such as `false`: it must not be lost.
 */
export function withOption(
  options: object,
  path: string,
  value: unknown,
): Record<string, unknown> | undefined {
  const [name = '', ...rest] = path.split('.')
  const { [name]: inner = {} } = options as Record<string, unknown>
  if (rest.length === 0) return { ...options, [name]: value }
  if (!isTable(inner)) return undefined
  const changed = withOption(inner, rest.join('.'), value)
  return changed && { ...options, [name]: changed }
}
