import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { McpHandler, Metrics, ProxyOptions } from '../../../src/index.ts'
import { isLoopbackListener, LONGEST_WAIT, parseUrl } from '../../../src/internal.ts'
import { prometheus } from '../../events/prometheus.ts'
import type { NodeServeOptions } from '../../node.ts'
import { findConfig, loadConfig } from './config-file.ts'
import { listOf, openVariables, SettingsError, toNumber, toWord, type Variables } from './environment.ts'
import { readJsonOptions } from './json-options.ts'
import { unknownVariables } from './known-variables.ts'
import { readMcp } from './mcp.ts'
import { wrongOptions } from './messages.ts'
import { readUpstream, variablesOf, variablesOfAll } from './providers.ts'
import { replacedSettings } from './replaced.ts'
import { readScalars, withOption } from './scalars.ts'
import { readSecret } from './secret.ts'
import { openStorage, shownStorage } from './storage.ts'
import { readTls } from './tls.ts'
import { findDangers } from './unsafe-settings.ts'

/** The settings of one `serve`. */
export interface ServeSettings {
  readonly listen: NodeServeOptions & { readonly port: number; readonly hostname: string }
  readonly log: 'text' | 'json'
  readonly options: ProxyOptions
  /** The storage as `LOCKGATE_STORAGE` spells it, without password. `undefined` if the config file brings a store. */
  readonly storage: string | undefined
  /** The path of the config file, if there is one. */
  readonly file: string | undefined
  /** The origin of each option that has a value, by its path: a flag, a variable or the config file. */
  readonly from: ReadonlyMap<string, string>
  readonly variables: Variables
  /** The secret of the config file, even if a variable hides it. */
  readonly secretInFile: ProxyOptions['secret'] | undefined
  /** Warnings of settings that another place hides. */
  readonly replaced: readonly string[]
}

/** How to read settings. */
export interface Reading {
  /** Values of flags, by the variable of the same name. */
  readonly flags?: Readonly<Record<string, string>>
  /** The MCP server to protect, instead of the configured one. */
  readonly handler?: McpHandler | undefined
  /** Refuses what must not be public by mistake. */
  readonly dangers?: boolean
  /** Writes no file. A secret that would be made and kept is made and forgotten. */
  readonly dry?: boolean
  /** Accepts settings without provider and MCP server, for commands that only use the storage. */
  readonly storageOnly?: boolean
  /** Accepts settings without an MCP server, for commands that need the provider alone. */
  readonly withoutServer?: boolean
}

const EMPTY = `There is no configuration in this folder.
To write one: npx lockgate init
To try Lockgate without a provider: npx lockgate serve --dev --mcp http://localhost:3000/mcp`

/** The folder of the data, if no setting names another. */
const DATA = '.lockgate/data'

const LOGS = ['text', 'json'] as const

/** A provider for commands that only use the storage. Nothing signs in at it. */
const NO_PROVIDER = { login: '/', name: 'none' } as const

/**
 * Reads everything that `lockgate serve` needs: from flags, the environment, `.env` and the config file. The first one
 * that has a value wins.
 *
 * @param env Receives the variables of `.env` that it does not have.
 * @throws {SettingsError} Naming everything that is wrong by its flag, variable or option.
 */
export async function readSettings(
  env: NodeJS.ProcessEnv,
  cwd: string,
  how: Reading = {},
): Promise<ServeSettings> {
  const problems: string[] = []
  const collect = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      problems.push(error.message)
      return undefined
    }
  }
  const variables = await openVariables(env, cwd, problems, how.flags)
  const { get } = variables
  const originOf = (name: string) => variables.from(name) ?? name
  const file = await collect(() => findConfig(cwd, get('LOCKGATE_CONFIG')))
  const isNamed = get('LOCKGATE_CONFIG') !== undefined
  const hasData = how.storageOnly && (get('LOCKGATE_STORAGE') || existsSync(resolve(cwd, DATA)))
  const isBare = file === undefined && !isNamed && !how.handler && !hasData
  if (isBare && problems.length === 0 && isEmpty(variables)) throw new SettingsError(EMPTY)
  problems.push(...(await unknown(variables)))
  const loaded = file === undefined ? {} : await collect(() => loadConfig(file))
  const given = loaded ?? {}
  const from = new Map(Object.keys(given).map((name) => [name, basename(file!)]))
  /** Takes the variable if it is set, then the file's value, then the default. */
  const choose = async <T>(
    path: keyof ProxyOptions,
    variable: string,
    read: () => T | Promise<T>,
  ): Promise<T | undefined> => {
    if (get(variable) !== undefined) from.set(path, originOf(variable))
    else if (given[path] !== undefined) return given[path] as T
    // A file that cannot be read may have it.
    else if (loaded === undefined) return undefined
    return collect(read)
  }

  const port = (await collect(() => readPort(variables))) ?? 8787
  const tls = await collect(() => readTls(variables, cwd))
  const log = await collect(() => toWord(get('LOCKGATE_LOG') ?? 'text', LOGS, originOf('LOCKGATE_LOG')))
  const seconds = async (name: string) =>
    collect(() => (get(name) === undefined ? undefined : toSeconds(get(name)!, originOf(name))))
  const times = {
    drain: await seconds('LOCKGATE_DRAIN'),
    delay: await seconds('LOCKGATE_DELAY'),
    keepAlive: await seconds('LOCKGATE_KEEP_ALIVE'),
  }
  const scheme = get('LOCKGATE_TLS_CERT') ? 'https' : 'http'
  const url = (await choose(
    'url',
    'LOCKGATE_URL',
    () => get('LOCKGATE_URL') ?? `${scheme}://localhost:${port}`,
  ))!
  const storage = get('LOCKGATE_STORAGE') ?? (given.storage ? undefined : `fs:${DATA}`)
  const store = await choose('storage', 'LOCKGATE_STORAGE', () =>
    openStorage(storage!, originOf('LOCKGATE_STORAGE')),
  )
  const upstream = await choose(
    'upstream',
    'LOCKGATE_UPSTREAM',
    async (): Promise<ProxyOptions['upstream']> =>
      how.storageOnly && !get('LOCKGATE_UPSTREAM')
        ? NO_PROVIDER
        : readUpstream(valuesOf(variables), originOf),
  )
  const chosen = await collect(() =>
    readMcp(variables, {
      given: given.mcp,
      file: file && basename(file),
      program: how.handler,
      // A file that cannot be read may have it.
      isOptional: how.storageOnly || how.withoutServer || loaded === undefined,
    }),
  )
  for (const [path, origin] of chosen?.origins ?? []) from.set(path, origin)
  const mcp = chosen?.mcp
  const secret = await choose('secret', 'LOCKGATE_SECRET', () =>
    // No secret is kept beside a storage that cannot be used, nor for a start that fails.
    readSecret(variables, {
      url,
      storage: store ? storage : 'memory:',
      cwd,
      dry: how.dry === true || problems.length > 0,
    }),
  )
  const metrics = await choose('metrics', 'LOCKGATE_METRICS_TOKEN', () => readMetrics(variables))
  const allow = await choose(
    'allow',
    'LOCKGATE_ALLOW',
    () => get('LOCKGATE_ALLOW') && listOf(get('LOCKGATE_ALLOW')!),
  )

  let options: Record<string, unknown> = { ...given, url, storage: store, upstream, mcp, secret }
  if (metrics) options = { ...options, metrics }
  if (allow) options = { ...options, allow }
  const singly = [...readScalars(variables, problems), ...readJsonOptions(variables, problems)]
  for (const { path, value, origin } of singly) {
    const changed = withOption(options, path, value)
    if (changed) options = changed
    else
      problems.push(
        `${origin}: sets a member of \`${path.split('.')[0]}\`, which ${basename(file!)} sets to what is no object; change one of the two`,
      )
    from.set(path, origin)
  }
  const checked = options as unknown as ProxyOptions
  const about = { url, upstream: checked.upstream, allow: checked.allow, storage }
  const dangers = (await collect(() => findDangers(variables, about))) ?? []
  if (how.dangers) problems.push(...dangers)
  const hostname = get('HOST') ?? (isOwnIpv6(checked.url) ? '::1' : '127.0.0.1')
  if (get('LOCKGATE_UPSTREAM') === 'dev' && !isLoopbackListener(hostname)) {
    problems.push(`${originOf('HOST')}: the provider dev signs in everyone, so it listens on 127.0.0.1 only`)
  }
  problems.push(...wrongOptions(checked, { from, variables, file: file && basename(file) }))
  const lines = variables.withoutBroken(problems.flatMap((text) => text.split('\n')))
  if (lines.length > 0) throw new SettingsError([...new Set(lines)].join('\n'))
  const listen = { port, hostname, tls, ...times }
  return {
    listen,
    log: log!,
    options: checked,
    storage: storage && shownStorage(storage),
    file,
    from,
    variables,
    secretInFile: given.secret,
    replaced: file === undefined ? [] : await replacedSettings(given, file, from, variables),
  }
}

/** Clients of this address do not look at 127.0.0.1. */
const isOwnIpv6 = (url: unknown): boolean => typeof url === 'string' && parseUrl(url)?.hostname === '[::1]'

const isEmpty = ({ origins }: Variables): boolean =>
  ![...origins.keys()].some((name) => /^LOCKGATE_(?!CONFIG$|LOG$|STORAGE$)/.test(name))

async function unknown(variables: Variables): Promise<string[]> {
  const name = variables.get('LOCKGATE_UPSTREAM')
  const own = await variablesOf(name)
  const isUpstream = [...variables.origins.keys()].some((one) => one.startsWith('LOCKGATE_UPSTREAM_'))
  const provider = name !== undefined && own ? { name, variables: own } : undefined
  return unknownVariables(variables, provider, isUpstream ? await variablesOfAll() : [])
}

const valuesOf = ({ origins, get }: Variables): Record<string, string | undefined> =>
  Object.fromEntries([...origins.keys()].map((name) => [name, get(name)]))

function readMetrics({ get, from }: Variables): Metrics | undefined {
  const token = get('LOCKGATE_METRICS_TOKEN')
  if (!token) return undefined
  try {
    return prometheus({ token })
  } catch (error) {
    throw new SettingsError(`${from('LOCKGATE_METRICS_TOKEN')}: ${(error as Error).message}`)
  }
}

function toSeconds(text: string, origin: string): number {
  const seconds = toNumber(text, origin)
  if (seconds <= LONGEST_WAIT) return seconds
  throw new SettingsError(`${origin}: expected seconds, from 0 to ${LONGEST_WAIT}`)
}

function readPort({ get, from }: Variables): number {
  const text = get('PORT') ?? '8787'
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new SettingsError(`${from('PORT')}: expected a number from 0 to 65535`)
  }
  return port
}
