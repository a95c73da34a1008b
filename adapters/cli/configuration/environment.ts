import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { closest } from '../../../src/internal.ts'

/** One or more wrong or missing settings, a line each, by the names that the operator knows. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** The variables of one process, from its flags, its environment and `.env`, in this order. */
export interface Variables {
  /** The value without a final line break. `undefined` if the variable is absent or empty. */
  get(name: string): string | undefined
  /** The origin of the value, such as `--url`, `LOCKGATE_URL` or `LOCKGATE_URL in .env`. */
  from(name: string): string | undefined
  /** Every variable that is set, by name, with its origin. */
  readonly origins: ReadonlyMap<string, string>
  /** The values that those of a stronger origin hide, each with its own origin. */
  hidden(name: string): readonly { readonly origin: string; readonly value: string }[]
  /** Drops the lines that call a variable missing whose file is wrong. That file has a line of its own. */
  withoutBroken(lines: readonly string[]): string[]
}

/** `redirectUris.customSchemes` → `LOCKGATE_REDIRECT_URIS_CUSTOM_SCHEMES` */
export const variableOf = (path: string): string =>
  `LOCKGATE_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`

/** `LOCKGATE_MCP_PATH` → `mcp-path`, `PORT` → `port` */
export const flagOf = (variable: string): string =>
  variable
    .replace(/^LOCKGATE_/, '')
    .toLowerCase()
    .replaceAll('_', '-')

/** `mcp-path` → `LOCKGATE_MCP_PATH`, `port` → `PORT` */
export const variableOfFlag = (flag: string): string => {
  const name = flag.toUpperCase().replaceAll('-', '_')
  return name === 'PORT' || name === 'HOST' ? name : `LOCKGATE_${name}`
}

const OURS = /^(LOCKGATE_\w+|(PORT|HOST)(_FILE)?)$/

/**
 * Reads the flags, the environment and `.env` in `cwd`. Variables of `.env` that the environment does not have are
 * added to `env`, so that a config file sees them too. `X_FILE` names a file with the value of `X`.
 *
 * @param problems Receives a line for each file that cannot be read and each variable that is given twice.
 */
export async function openVariables(
  env: NodeJS.ProcessEnv,
  cwd: string,
  problems: string[],
  flags: Readonly<Record<string, string>> = {},
): Promise<Variables> {
  const values = new Map<string, string>()
  const origins = new Map<string, string>()
  const broken = new Set<string>()
  const hidden = new Map<string, { origin: string; value: string }[]>()

  async function read(layer: Readonly<Record<string, string | undefined>>, label: (name: string) => string) {
    const isSet = (name: string) => values.has(name)
    const known = new Set(Object.keys(layer).filter(isSet))
    for (const [name, text] of Object.entries(layer)) {
      const base = /^(LOCKGATE_\w+|PORT|HOST)_FILE$/.exec(name)?.[1]
      const other = base === undefined ? `${name}_FILE` : base
      const isEmpty = text === '' && (base !== undefined || (OURS.test(other) && layer[other]))
      // An empty variable counts as absent, so it hides no file beside it.
      if (!OURS.test(name) || text === undefined || isEmpty) continue
      if (known.has(base ?? name)) {
        if (text !== '') hide(name, { origin: label(name), value: text })
        continue
      }
      if (base !== undefined && layer[base]) {
        problems.push(`${label(base)} and ${label(name)}: set one of the two`)
        continue
      }
      const value = base === undefined ? text : await contentOf(resolve(cwd, text), label(name), problems)
      if (base !== undefined && !value) broken.add(base)
      values.set(base ?? name, (value ?? '').replace(/[\r\n]+$/, ''))
      origins.set(base ?? name, label(name))
    }
  }

  /** The value of `X_FILE` is a path, so it stays under that name. */
  function hide(name: string, one: { origin: string; value: string }) {
    hidden.set(name, [...(hidden.get(name) ?? []), one])
  }

  await read(flags, (name) => `--${flagOf(name)}`)
  await read(env, (name) => name)
  const text = await dotEnvText(cwd, problems)
  const dotEnv = parseEnv(text) as Record<string, string>
  problems.push(...problemsOfDotEnv(text, dotEnv))
  await read(dotEnv, (name) => `${name} in .env`)
  for (const [name, value] of Object.entries(dotEnv)) env[name] ??= value
  return {
    get: (name) => values.get(name) || undefined,
    from: (name) => origins.get(name),
    origins,
    hidden: (name) => hidden.get(name) ?? [],
    withoutBroken: (lines) =>
      lines.filter((line) =>
        [...broken].every(
          (name) =>
            !line.startsWith(`${name}: is missing`) && !line.startsWith(`${origins.get(name)}: is missing`),
        ),
      ),
  }
}

/** Names the lines that are meant for Lockgate, but that the parser ignores or takes for something else. */
function problemsOfDotEnv(text: string, values: Readonly<Record<string, string>>): string[] {
  const ignored = text.split('\n').flatMap((line, index) => {
    const [, name, equals] = /^\s*(?:export\s+)?(LOCKGATE_\w+)\s*(=?)/.exec(line) ?? []
    if (name === undefined || name in values) return []
    const problem = equals ? 'is not read, because a line before it has no =' : `expected ${name}=value`
    return [`.env, line ${index + 1}: ${problem}`]
  })
  const quoted = Object.entries(values).flatMap(([name, value]) =>
    OURS.test(name) && /^[\u2018-\u201f]/.test(value)
      ? [`${name} in .env: begins with a typographic quotation mark; use " instead`]
      : [],
  )
  return [...ignored, ...quoted]
}

async function dotEnvText(cwd: string, problems: string[]): Promise<string> {
  return readFile(join(cwd, '.env'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'EISDIR') {
      problems.push(`.env: cannot be read (${error.code})`)
    }
    return ''
  })
}

/** Characters: no setting is longer, and a wrong path may name a huge file. */
const LONGEST = 65_536

async function contentOf(file: string, label: string, problems: string[]): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    problems.push(`${label}: its file cannot be read (${error.code})`)
    return undefined
  })
  if (text === undefined) return undefined
  if (text.replace(/^\ufeff/, '').trim() === '') {
    problems.push(`${label}: its file is empty`)
    return undefined
  }
  if (text.length > LONGEST) problems.push(`${label}: its file is longer than any setting`)
  // Editors of Windows put a byte order mark in front.
  return text.replace(/^\ufeff/, '')
}

/** Splits a comma-separated list. Spaces around items and empty items are dropped. */
export const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)

/** Returns `; did you mean X?` for a misspelled word, or an empty text. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = closest(word, known)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** @throws {SettingsError} If the text is none of the few words. */
export function toWord<const T extends string>(text: string, words: readonly T[], origin: string): T {
  const word = words.find((one) => one === text)
  if (word !== undefined) return word
  throw new SettingsError(
    `${origin}: expected ${words.join(', ').replace(/, (?=[^,]*$)/, ' or ')}${didYouMean(text, words)}`,
  )
}

/** @throws {SettingsError} If the text is neither on nor off. */
export function toSwitch(text: string, origin: string): boolean {
  if (!/^(true|false|1|0|on|off|yes|no)$/i.test(text)) {
    throw new SettingsError(`${origin}: expected true or false`)
  }
  return /^(true|1|on|yes)$/i.test(text)
}

/** @param unit Words that follow "a whole number" in the message. @throws {SettingsError} If the text is not a whole number. */
export function toNumber(text: string, origin: string, unit = ''): number {
  if (!/^\d{1,15}$/.test(text)) throw new SettingsError(`${origin}: expected a whole number${unit}`)
  return Number(text)
}

/**
 * Reads `name=value` pairs as in a query string.
 *
 * @throws {SettingsError} If a pair has no name.
 */
export function pairsOf(text: string, origin: string): Record<string, string> {
  const pairs = [...new URLSearchParams(text)]
  if (pairs.some(([name]) => name === '')) {
    throw new SettingsError(`${origin}: expected name=value&name=value`)
  }
  return Object.fromEntries(pairs)
}
