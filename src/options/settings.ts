import { ConfigError } from '../errors.ts'
import { settleAllow } from './allow.ts'
import { settleApiKeys } from './api-keys.ts'
import { settleClients } from './clients.ts'
import { checkConsistency } from './consistency.ts'
import { settleEvents } from './events.ts'
import { settleMcp } from './mcp.ts'
import { settleNetwork } from './network.ts'
import type { ProxyOptions, Settings } from './options.ts'
import { settlePages } from './pages.ts'
import { settleRegistration } from './registration.ts'
import { createReport } from './report.ts'
import { parseOptions } from './schema.ts'
import { settleScopes } from './scopes.ts'
import { settleServer } from './server.ts'
import { idOf, settleUpstream } from './upstream.ts'

/**
 * Checks the options and derives the settings from them.
 *
 * @throws {ConfigError} Naming every option that is wrong, by its path.
 */
export function readOptions(options: ProxyOptions): Settings {
  const { parsed, issues } = parseOptions(options)
  const report = createReport(issues)
  const server = settleServer(parsed, report)
  const pages = settlePages(parsed, parsed.url)
  const { scopes } = settleScopes(parsed, report)
  const { upstream } = settleUpstream(parsed, { ...server, scopes }, report)
  const providers = typeof upstream === 'function' ? undefined : upstream
  const ids = providers?.map(idOf) ?? []
  const settings: Settings = {
    ...parsed,
    ...server,
    ...pages,
    scopes,
    upstream,
    ...settleMcp(
      parsed,
      { ...server, ...pages, scopes, providers: ids, belowPath: parsed.discovery.belowPath },
      report,
    ),
    ...settleAllow(parsed, ids, report),
    ...settleClients(parsed, scopes, report),
    ...settleApiKeys(parsed, { scopes, providers }, report),
    ...settleRegistration(parsed, parsed.url, report),
    ...settleNetwork(parsed),
    ...settleEvents(parsed),
  }
  checkConsistency(parsed, settings, report)
  if (issues.length > 0) throw new ConfigError(issues)
  return settings
}
