import type { OAuthProxy, ProxyOptions } from '../../../src/index.ts'
import { providersOf } from '../../doctor/deployment/providers.ts'
import { MCP_CLIENTS, serverName } from '../configuration/mcp-clients.ts'
import type { ServeSettings } from '../configuration/settings.ts'
import { isLoopback } from '../configuration/unsafe-settings.ts'

/** What a change in a store promises, for whoever chose it by a word. */
const GUARANTEES = {
  atomic: 'several processes may share it',
  process: 'for this one process',
  eventual: 'eventually consistent: elsewhere a change is seen late',
}

/** What the operator is told at the start: enough to notice a wrong setting, and what to do next. */
export function startReport(proxy: OAuthProxy, settings: ServeSettings, listening: string): string {
  const { options, storage } = settings
  const servers = proxy.resources.map(({ id, target }) => `${id} → ${target ?? 'a handler'}`)
  const rows: [string, string | readonly string[]][] = [
    ['public URL', proxy.issuer],
    ['listening', listening],
    ['issuer', proxy.issuer],
    ['provider', placesOf(options.upstream)],
    ['callback URL', callbacks(proxy.issuer, options.upstream)],
    ['protects', servers],
    ['storage', `${storage}, ${lasts(storage)}${GUARANTEES[options.storage.consistency]}`],
    ['may sign in', whoMaySignIn(options)],
    ['clients', registrationModes(options)],
    ['settings', settings.file ?? 'from the environment'],
    ['connect', MCP_CLIENTS['claude-code'].steps(serverName(options.name), proxy.resources[0]!.id)],
  ]
  const lines = rows.flatMap(([name, value]) =>
    [value].flat().map((text, index) => `  ${(index === 0 ? name : '').padEnd(13)}${text}\n`),
  )
  return `Lockgate is ready.\n${lines.join('')}${warnings(settings, proxy)}`
}

/** Where people sign in. */
const placesOf = (upstream: ProxyOptions['upstream']): string | string[] =>
  typeof upstream === 'function'
    ? 'by the function of the config file, for each tenant'
    : [upstream]
        .flat()
        .map((one) => ('login' in one ? `${one.name} (${one.login})` : `${one.name} (${one.issuer})`))

/** With several providers each has one of its own. */
function callbacks(issuer: string, upstream: ProxyOptions['upstream']): string[] {
  if (typeof upstream === 'function')
    return [`${issuer}/callback/<id>, to be registered at the provider with that id`]
  const providers = providersOf(upstream)
  return providers.length < 2
    ? [`${issuer}/callback, to be registered at the provider`]
    : providers.map(({ id, name }) => `${issuer}/callback/${id}, to be registered at ${name}`)
}

const lasts = (storage: string): string => (storage === 'memory:' ? 'forgets everything at a restart; ' : '')

function whoMaySignIn({ allow }: ProxyOptions): string {
  if (!allow) return 'everyone the provider lets in'
  return typeof allow === 'function' ? 'whom the function of the config file lets in' : allow.join(', ')
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

function warnings({ hostname, options }: ServeSettings, { issuer }: OAuthProxy): string {
  const found: string[] = []
  if (isLoopback(issuer) && !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(hostname)) {
    found.push(
      `HOST: ${hostname} can be reached from the network, but the public URL is for this machine only`,
    )
  }
  if (
    isLoopback(issuer) &&
    providersOf(options.upstream).some(({ publicAccounts }) => publicAccounts) &&
    !options.allow
  ) {
    found.push('LOCKGATE_ALLOW: is missing; a public URL needs it with this provider')
  }
  return found.map((text) => `  warning      ${text}\n`).join('')
}
