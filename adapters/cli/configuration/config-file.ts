import { access, readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError, type ProxyOptions } from '../../../src/index.ts'
import { SettingsError } from './environment.ts'
import { jsonError } from './json-error.ts'

const NAMES = ['lockgate.config.ts', 'lockgate.config.js', 'lockgate.config.mjs', 'lockgate.config.json']

/**
 * Returns the path of the config file: the named one, or the one with a usual name.
 *
 * @throws {SettingsError} If the named file does not exist, or if there are several.
 */
export async function findConfig(cwd: string, name: string | undefined): Promise<string | undefined> {
  const exists = (file: string) =>
    access(file).then(
      () => [file],
      () => [],
    )
  const places = (name === undefined ? NAMES : [name]).map((one) => resolve(cwd, one))
  const [found, ...others] = (await Promise.all(places.map(exists))).flat()
  if (found === undefined && name !== undefined) {
    throw new SettingsError(`--config: there is no file ${name}`)
  }
  if (others.length > 0) {
    const names = [found!, ...others].map((file) => basename(file)).join(' and ')
    throw new SettingsError(`There are ${names}: remove all but one, or name one with --config`)
  }
  return found
}

/**
 * Returns the options that a config file exports. Runs the file, unless it is JSON.
 *
 * @throws {SettingsError} If the file has a syntax error, throws, or exports something else than an object.
 */
export async function loadConfig(file: string): Promise<Partial<ProxyOptions>> {
  const config: unknown = file.endsWith('.json') ? await readJson(file) : await runFile(file)
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    const shape = file.endsWith('.json') ? 'one object of options' : 'an object of options as default export'
    throw new SettingsError(`${basename(file)}: expected ${shape}`)
  }
  return config as Partial<ProxyOptions>
}

async function readJson(file: string): Promise<unknown> {
  const text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '')
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    throw new SettingsError(`${basename(file)}, ${jsonError(text)}`)
  }
}

async function runFile(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti')
  try {
    const jiti = createJiti(pathToFileURL(file).href, { interopDefault: false })
    return defaultOf(await jiti.import(file), basename(file))
  } catch (error) {
    if (error instanceof SettingsError) throw error
    throw new SettingsError(describe(error, basename(file)))
  }
}

/** @throws {SettingsError} If the file has no default export. */
function defaultOf(module: unknown, name: string): unknown {
  const found = (module as { readonly default?: unknown }).default
  if (found === undefined)
    throw new SettingsError(`${name}: has no default export; write export default { … } with the options`)
  // A compiled file has its default export once more inside.
  const names = typeof found === 'object' && found !== null ? Object.keys(found) : []
  const isWrapped = names.length === 1 && names[0] === 'default'
  return isWrapped ? (found as { readonly default: unknown }).default : found
}

/** A syntax error says `<message>\n <file>:<line>:<column>`. */
function describe(error: unknown, name: string): string {
  if (error instanceof ConfigError) {
    return error.issues.map(({ path, message }) => `${name}: ${path}: ${message}`).join('\n')
  }
  const message = error instanceof Error ? error.message : 'threw something that is not an error'
  const [, text, line, column] = /^(?:ParseError: )?([^\n]*?)\s*\n.*:(\d+):(\d+)$/.exec(message) ?? []
  if (text === undefined) return `${name}: ${message}`
  return `${name}, line ${line}, column ${Number(column) + 1}: ${text}`
}
