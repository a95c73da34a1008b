import { access, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  ConfigError,
  createProxy,
  type McpHandler,
  type McpOptions,
  type Metrics,
  type ProxyOptions,
  type Store,
} from '../../../src/index.ts'
import { prometheus } from '../../events/prometheus.ts'
import { fromUrl, storageForms } from '../../storage/from-url.ts'
import { listOf, readScalars, SettingsError, variableOf } from './environment.ts'
import { readUpstream } from './providers.ts'
import { readSecret } from './secret.ts'
import { readTls, type Tls } from './tls.ts'
import { findDangers } from './unsafe-settings.ts'

type Env = NodeJS.ProcessEnv

const CONFIG_FILES = [
  'lockgate.config.ts',
  'lockgate.config.js',
  'lockgate.config.mjs',
  'lockgate.config.json',
]

/** Where to listen, and what to serve there. */
export interface ServeSettings {
  readonly port: number
  readonly hostname: string
  readonly tls: Tls | undefined
  readonly options: ProxyOptions
  /** What the start-up report says of the storage. */
  readonly storage: string
  /** The config file, if there is one. */
  readonly file: string | undefined
}

/**
 * Everything `lockgate serve` needs: from the config file, and from the environment where the file says nothing.
 *
 * @param how.config Another file than the usual ones.
 * @param how.handler What to protect, instead of what is configured.
 * @param how.dangers Whether to refuse what must not be served to the public by mistake.
 * @throws {SettingsError | ConfigError} Naming what is wrong by its variable or option.
 */
export async function readSettings(
  env: Env,
  cwd: string,
  how: { config?: string | undefined; dangers?: boolean; handler?: McpHandler | undefined } = {},
): Promise<ServeSettings> {
  const file = await findConfig(cwd, how.config)
  const given = file === undefined ? {} : await loadConfig(file)
  const hostname = env.HOST || '127.0.0.1'
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
  const port = (await collect(() => readPort(env.PORT))) ?? 8787
  const tls = await collect(() => readTls(env, cwd))
  const url =
    given.url ?? (env.LOCKGATE_URL || `${env.LOCKGATE_TLS_CERT ? 'https' : 'http'}://localhost:${port}`)
  const storage = env.LOCKGATE_STORAGE || 'fs:.lockgate/data'
  const store = given.storage ?? (await collect(() => openStorage(storage)))
  const upstream = given.upstream ?? (await collect(() => readUpstream(env)))
  const own = how.handler && { handler: how.handler, path: env.LOCKGATE_MCP_PATH || '/mcp' }
  const mcp = own ?? given.mcp ?? (await collect(() => readMcp(env)))
  const scalars = await collect(() => readScalars(env))
  const secret = given.secret ?? (await collect(() => readSecret(env, url, storage, cwd)))
  const metrics = given.metrics ?? (await collect(() => readMetrics(env)))
  const allow = env.LOCKGATE_ALLOW ? { allow: listOf(env.LOCKGATE_ALLOW) } : {}
  const options = {
    ...allow,
    ...scalars,
    ...given,
    ...(metrics && { metrics }),
    url,
    secret,
    storage: store,
    upstream,
    mcp,
  } as ProxyOptions
  const about = { url, upstream, allow: options.allow, storage: given.storage ? undefined : storage }
  const dangers = (await collect(() => findDangers(env, about))) ?? []
  if (how.dangers) problems.push(...dangers)
  problems.push(...wrongOptions(options))
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
  return { port, hostname, tls, options, storage: shown(about.storage), file }
}

function readMetrics(env: Env): Metrics | undefined {
  const token = env.LOCKGATE_METRICS_TOKEN
  if (!token) return undefined
  try {
    return prometheus({ token })
  } catch (error) {
    throw new SettingsError(`LOCKGATE_METRICS_TOKEN: ${(error as Error).message}`)
  }
}

/** A storage without its password, for the start-up report. */
function shown(storage: string | undefined): string {
  if (storage === undefined) return 'of the config file'
  return storage.replace(/\/\/[^@]*@/, '//').replace(/\?.*$/s, '')
}

/** What is wrong with the options that are there; what is missing has been said by its variable. */
function wrongOptions(options: ProxyOptions): string[] {
  try {
    createProxy(options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const isThere = ({ path }: { path: string }) =>
      options[path.split('.')[0] as keyof ProxyOptions] !== undefined
    return linesOf(error.issues.filter(isThere))
  }
}

/** The config file: the one that is named, or the first of the usual ones that exists. */
export async function findConfig(cwd: string, config: string | undefined): Promise<string | undefined> {
  for (const name of config === undefined ? CONFIG_FILES : [config]) {
    const file = resolve(cwd, name)
    const exists = await access(file).then(
      () => true,
      () => false,
    )
    if (exists) return file
  }
  if (config !== undefined) throw new SettingsError(`--config: there is no file ${config}`)
  return undefined
}

async function loadConfig(file: string): Promise<Partial<ProxyOptions>> {
  const { createJiti } = await import('jiti')
  const load = createJiti(pathToFileURL(file).href)
  const config: unknown = file.endsWith('.json')
    ? JSON.parse(await readFile(file, 'utf8'))
    : await load.import(file, { default: true })
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new SettingsError(`${file}: expected an object of options as its default export`)
  }
  return config as Partial<ProxyOptions>
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return 8787
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new SettingsError('PORT: expected a number from 0 to 65535')
  return port
}

function readMcp(env: Env): string | McpOptions {
  const { LOCKGATE_MCP: url, LOCKGATE_MCP_PATH: path, LOCKGATE_MCP_FORWARD: forward } = env
  if (!url) throw new SettingsError('LOCKGATE_MCP: is missing; expected the URL of the MCP server to protect')
  if (!path && !forward) return url
  return {
    url,
    ...(path && { path }),
    ...(forward && { forward: forward as NonNullable<McpOptions['forward']> }),
  }
}

async function openStorage(storage: string): Promise<Store> {
  try {
    return await fromUrl(storage)
  } catch (error) {
    throw new SettingsError(
      `LOCKGATE_STORAGE: ${error instanceof TypeError ? error.message : `expected ${storageForms}`}`,
    )
  }
}

/** What is wrong, line by line, each with the variable or option to change. */
export function explain(error: unknown): string | undefined {
  if (error instanceof SettingsError) return error.message
  return error instanceof ConfigError ? linesOf(error.issues).join('\n') : undefined
}

const linesOf = (issues: ConfigError['issues']): string[] =>
  issues.map(({ path, message }) => `${path} (${variableOf(path.replace(/\.\d+/g, ''))}): ${message}`)
