import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { scalarOptions } from '../../../src/internal.ts'

/** A wrong or missing setting, by the name its user knows it under. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Variables with a meaning of their own; every other option follows from its path. */
const OWN = new Set(['url', 'secret', 'mcp', 'allow', 'registration'])

/** Fills in from `.env` what the environment itself does not say. */
export async function loadDotEnv(env: NodeJS.ProcessEnv, cwd: string): Promise<void> {
  const text = await readFile(join(cwd, '.env'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EISDIR') return ''
    throw new SettingsError(`.env: cannot be read (${error.code})`)
  })
  for (const [name, value] of Object.entries(parseEnv(text))) env[name] ??= value
}

/** `redirectUris.customSchemes` → `LOCKGATE_REDIRECT_URIS_CUSTOM_SCHEMES` */
export const variableOf = (path: string): string =>
  `LOCKGATE_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`

/** A comma list; blanks around and empty items do not count. */
export const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)

/**
 * The options that single variables set, as nested objects.
 *
 * @throws {SettingsError} For a number or switch that is none, by its variable.
 */
export function readScalars(env: NodeJS.ProcessEnv): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const { path, type } of scalarOptions()) {
    const text = env[variableOf(path)]
    if (text === undefined || text === '' || (OWN.has(path) && path !== 'registration')) continue
    const names = path.split('.')
    const last = names.pop()!
    let place = result
    for (const name of names) {
      place[name] ??= {}
      place = place[name] as Record<string, unknown>
    }
    place[last] = convert(text, type, variableOf(path))
  }
  return result
}

function convert(text: string, type: 'text' | 'number' | 'boolean' | 'list', variable: string): unknown {
  if (type === 'list') return listOf(text)
  if (type === 'number') {
    if (!/^\d+$/.test(text)) throw new SettingsError(`${variable}: expected a whole number`)
    return Number(text)
  }
  return type === 'boolean' ? toSwitch(text, variable) : text
}

function toSwitch(text: string, variable: string): boolean {
  if (!/^(true|false|1|0|on|off|yes|no)$/i.test(text))
    throw new SettingsError(`${variable}: expected true or false`)
  return /^(true|1|on|yes)$/i.test(text)
}

/** @throws {SettingsError} For a switch that is neither on nor off. */
export const isOn = (env: NodeJS.ProcessEnv, variable: string): boolean =>
  env[variable] ? toSwitch(env[variable], variable) : false

/**
 * A list of `name=value` pairs, as in a query string.
 *
 * @throws {SettingsError} For a pair without a name.
 */
export function pairsOf(text: string, variable: string): Record<string, string> {
  const pairs = [...new URLSearchParams(text)]
  if (pairs.some(([name]) => name === ''))
    throw new SettingsError(`${variable}: expected name=value&name=value`)
  return Object.fromEntries(pairs)
}
