import { SettingsError, type Variables, variableOf } from './environment.ts'
import { jsonError } from './json-error.ts'
import type { SetOption } from './scalars.ts'

/** Options that are lists of objects. Their variables hold JSON. */
export const JSON_OPTIONS = ['clients', 'trustedIssuers', 'resourceServers'] as const

/**
 * Returns the options that variables set with JSON text.
 *
 * @param problems Receives a line for each text that is not a JSON list. Nothing of it is quoted: it may hold a secret.
 */
export function readJsonOptions({ get, from }: Variables, problems: string[]): SetOption[] {
  return JSON_OPTIONS.flatMap((path) => {
    const variable = variableOf(path)
    const text = get(variable)
    if (text === undefined) return []
    const origin = from(variable)!
    try {
      return [{ path, value: listIn(text), origin }]
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      problems.push(`${origin}: ${error.message}`)
      return []
    }
  })
}

function listIn(text: string): unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SettingsError(jsonError(text))
  }
  if (Array.isArray(value)) return value
  throw new SettingsError('expected a JSON list of objects, [{ … }]')
}
