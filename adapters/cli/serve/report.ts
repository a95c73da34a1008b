import { isIP } from 'node:net'
import type { OAuthProxy, ProxyOptions } from '../../../src/index.ts'
import { isLoopbackHost, isLoopbackListener, isLoopbackUrl, printable } from '../../../src/internal.ts'
import { providersOf } from '../../doctor/deployment/providers.ts'
import { MCP_CLIENTS, serverName } from '../configuration/mcp-clients.ts'
import type { ServeSettings } from '../configuration/settings.ts'

/** What the `consistency` of a store means to an operator. */
const GUARANTEES = {
  atomic: 'several processes may share it',
  process: 'for this one process',
  eventual: 'eventually consistent: other locations see a change late',
}

type Row = readonly [name: string, value: string | readonly string[], path?: string]

/** The start of `serve`, for people or for programs. */
export interface StartReport {
  readonly rows: readonly Row[]
  readonly warnings: readonly string[]
  /** The origin of each option that has a value, by its path. */
  readonly from: ReadonlyMap<string, string>
}

/**
 * Returns what the operator is told at the start: the settings with their origins, and the next step.
 *
 * @param program The command of `wrap`.
 */
export function startReport(
  proxy: OAuthProxy,
  settings: ServeSettings,
  listening: string,
  program?: string,
): StartReport {
  const { options, storage, from, file } = settings
  const own = program === undefined ? 'a handler' : `the program ${printable(program)}`
  const servers = proxy.resources.map(({ id, target }) => `${id} → ${target ? plain(target) : own}`)
  const place = storage ?? 'the store of the config file'
  const rows: readonly Row[] = [
    ['public URL', proxy.issuer, 'url'],
    ['listening', listening],
    ['provider', placesOf(options.upstream), 'upstream'],
    ['callback URL', callbacks(proxy.issuer, options.upstream)],
    ['protects', servers, addressPath(from)],
    ['storage', `${place}, ${lasts(place)}${GUARANTEES[options.storage.consistency]}`, 'storage'],
    ['may sign in', whoMaySignIn(options), 'allow'],
    ['clients', registrationModes(options), 'registration'],
    ['settings', file ?? 'no config file'],
    ['also set', others(from)],
    ['connect', MCP_CLIENTS['claude-code'].steps(serverName(options.name), proxy.resources[0]!.id)],
  ]
  return { rows, warnings: warnings(settings, proxy), from }
}

/** An address without credentials and without query, which may hold a key. */
function plain(address: string): string {
  const { origin, pathname } = new URL(address)
  return origin + pathname
}

/** A variable may replace the address of an entry of the config file, and nothing else of it. */
const ADDRESSES = ['mcp.url', 'mcp.0.url']

const addressPath = (from: ReadonlyMap<string, string>): string =>
  ADDRESSES.find((path) => from.has(path)) ?? 'mcp'

const NAMED = [...ADDRESSES, 'url', 'upstream', 'mcp', 'storage', 'allow', 'registration']

/** The options that no other row shows, with their origins. Their values may be secret. */
function others(from: ReadonlyMap<string, string>): string[] {
  const byOrigin = [...from].filter(([path]) => !NAMED.includes(path))
  return byOrigin.map(([path, origin]) => `${path}  (${origin})`)
}

const placesOf = (upstream: ProxyOptions['upstream']): string | string[] =>
  typeof upstream === 'function'
    ? 'the function of the config file, for each tenant'
    : [upstream]
        .flat()
        .map((one) => ('login' in one ? `${one.name} (${one.login})` : `${one.name} (${one.issuer})`))

/** Of several providers each has its own callback URL. */
function callbacks(issuer: string, upstream: ProxyOptions['upstream']): string[] {
  if (typeof upstream === 'function') {
    return [`${issuer}/callback/<id>: register it at the provider with that id`]
  }
  const providers = providersOf(upstream)
  return providers.length < 2
    ? providers.map(() => `${issuer}/callback: register it at the provider`)
    : providers.map(({ id, name }) => `${issuer}/callback/${id}: register it at ${name}`)
}

const lasts = (storage: string): string => (storage === 'memory:' ? 'forgets everything at a restart; ' : '')

function whoMaySignIn({ allow }: ProxyOptions): string {
  if (!allow) return 'everyone whom the provider signs in'
  return typeof allow === 'function' ? 'users that the function of the config file allows' : allow.join(', ')
}

function registrationModes(options: ProxyOptions): string {
  const { registration = 'sealed', clientDocuments: { accept = true, hosts } = {}, clients = [] } = options
  const modes = [
    registration === 'off' ? 'may not register' : `register themselves (${registration})`,
    accept && `with a metadata document${hosts ? ` of ${hosts.join(', ')}` : ''}`,
    clients.length > 0 && `configured: ${clients.map(({ clientId }) => clientId).join(', ')}`,
  ]
  return modes.filter(Boolean).join('; ')
}

/** Tells the family of an address. A name such as `localhost` may have both. */
const addressFamily = (hostname: string): number => isIP(hostname.replace(/^\[|\]$/g, ''))

function warnings(
  { listen, options, replaced }: ServeSettings,
  { issuer, resources, warnings: configured }: OAuthProxy,
): string[] {
  const { hostname, port } = listen
  const found: string[] = [...replaced]
  const isLocal = isLoopbackUrl(issuer)
  if (isLocal && !isLoopbackListener(hostname)) {
    found.push(
      `HOST: ${hostname} can be reached from the network, but the public URL is for this machine only`,
    )
  }
  const url = new URL(issuer)
  const family = addressFamily(url.hostname)
  if (family && isLoopbackListener(hostname) && addressFamily(hostname) !== family) {
    found.push(
      `HOST: is ${hostname}, but clients use ${url.hostname} of the public URL; set both to one address`,
    )
  }
  for (const { id } of resources) {
    const path = id.slice(issuer.length)
    if (path === '' || !issuer.endsWith(path)) continue
    found.push(
      `LOCKGATE_URL: ends in ${path}, so clients use ${id}; if they should use ${issuer}, remove ${path} from LOCKGATE_URL`,
    )
  }
  for (const { target } of resources) {
    const { hostname: host, port: there, protocol } = new URL(target ?? issuer)
    const isHere = isLoopbackHost(host) && port !== 0 && Number(there) === port
    if (target === undefined || !isHere || protocol !== (listen.tls ? 'https:' : 'http:')) continue
    found.push('LOCKGATE_MCP: is the port at which Lockgate itself listens; name the MCP server behind it')
  }
  const published = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (isLocal && port !== 0 && published !== port) {
    found.push(
      `PORT: is ${port}, but clients use port ${published} of the public URL; set both to the same port`,
    )
  }
  if (
    !isLocal &&
    url.protocol === 'https:' &&
    !listen.tls &&
    options.trustProxy === undefined &&
    !options.clientAddress
  ) {
    found.push(
      'LOCKGATE_TRUST_PROXY: is missing, so limits count all users behind your TLS proxy as one; set it to the number of proxies that append to X-Forwarded-For',
    )
  }
  for (const { path, message } of configured) {
    // At a public URL the operator confirmed it by a flag.
    if (path === 'allow') found.push(...(isLocal ? [`LOCKGATE_ALLOW: ${message}`] : []))
    else found.push(`${path}: ${message}`)
  }
  return found
}
