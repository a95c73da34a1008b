import { ConfigError } from '../errors.ts'
import { kindsByTenant } from '../providers/parts/tenancy.ts'
import { allowEntries, type RuledProvider, settleAllow } from './allow.ts'
import { apiKeysEntries, settleApiKeys } from './api-keys.ts'
import { clientsEntries, settleClients } from './clients.ts'
import { consentEntries, settleConsent } from './consent.ts'
import { checkConsistency } from './consistency.ts'
import { checkDiscovery, discoveryEntries } from './discovery.ts'
import { eventsEntries, settleEvents } from './events.ts'
import { checkForwardAuth, forwardAuthEntries } from './forward-auth.ts'
import { limitsEntries } from './limits.ts'
import { mcpEntries, settleMcp } from './mcp.ts'
import { checkDirect, networkEntries, settleNetwork } from './network.ts'
import type { ProxyOptions, Settings } from './options.ts'
import { pagesEntries, settlePages } from './pages.ts'
import { registrationEntries, settleRegistration } from './registration.ts'
import { createReport } from './report.ts'
import { resourceServersEntries, settleResourceServers } from './resource-servers.ts'
import { type ParsedOptions, parseOptions } from './schema.ts'
import { checkGivers, scopesEntries, settleScopes } from './scopes.ts'
import { serverEntries, settleServer } from './server.ts'
import { settleTrustedIssuers } from './settle-trusted-issuers.ts'
import { settleSigning, signingEntries } from './signing.ts'
import { tokensEntries } from './tokens.ts'
import { trustedIssuersEntries } from './trusted-issuers.ts'
import { idOf, isOwnLogin, type Place, settleUpstream, upstreamEntries } from './upstream.ts'

const ruled = (place: Place): RuledProvider => ({
  id: idOf(place),
  name: place.name,
  kindsByTenant: isOwnLogin(place) ? [] : kindsByTenant(place),
})

/**
 * Checks the options and derives the settings from them.
 *
 * @throws {ConfigError} Naming every option that is wrong, by its path.
 */
export function readOptions(options: ProxyOptions): Settings {
  const { parsed, issues } = parseOptions(options)
  const report = createReport(issues)
  // Each family gets its own options only, so that it cannot return those of another one.
  const own = <Name extends keyof ParsedOptions>(entries: Readonly<Record<Name, unknown>>) =>
    Object.fromEntries(Object.keys(entries).map((name) => [name, parsed[name as Name]])) as Pick<
      ParsedOptions,
      Name
    >
  const server = settleServer(own(serverEntries), report)
  const pages = settlePages(own(pagesEntries), parsed.url)
  const { scopes } = settleScopes(own(scopesEntries), report)
  const { upstream } = settleUpstream(own(upstreamEntries), { ...server, scopes }, report)
  const providers = typeof upstream === 'function' ? undefined : upstream
  const ids = providers?.map(idOf) ?? []
  checkGivers(scopes, providers?.filter((one) => !isOwnLogin(one)).map(idOf), report)
  const discovery = own(discoveryEntries)
  const signatures = settleSigning(own(signingEntries), report)
  const lifetimes = own(tokensEntries)
  const base = { ...server, ...pages, ...discovery.discovery }
  const around = { ...base, ...signatures, ...lifetimes, scopes, providers: ids }
  const servers = settleMcp(own(mcpEntries), around, report)
  const known = settleClients(own(clientsEntries), scopes, report)
  const { peopleOf, ...assertions } = settleTrustedIssuers(
    own(trustedIssuersEntries),
    { ...server, ...servers, scopes, providers },
    report,
  )
  const settings: Settings = {
    ...server,
    ...pages,
    ...settleConsent(own(consentEntries), pages, report),
    scopes,
    upstream,
    ...discovery,
    ...servers,
    ...signatures,
    ...own(forwardAuthEntries),
    ...assertions,
    ...settleAllow(own(allowEntries), [...(providers?.map(ruled) ?? []), ...peopleOf], report),
    ...known,
    ...settleResourceServers(own(resourceServersEntries), { ...servers, ...known }, report),
    ...settleApiKeys(own(apiKeysEntries), { scopes, providers }, report),
    ...settleRegistration(own(registrationEntries), parsed.url, report),
    ...lifetimes,
    ...own(limitsEntries),
    ...settleNetwork(own(networkEntries)),
    ...settleEvents(own(eventsEntries)),
  }
  checkConsistency(parsed, settings, report)
  checkDiscovery(settings, settings, report)
  checkForwardAuth(settings, report)
  checkDirect(settings, settings.resources, report)
  if (issues.length > 0) throw new ConfigError(issues)
  return settings
}
