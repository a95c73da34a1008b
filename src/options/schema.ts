import * as v from 'valibot'
import type { ConfigIssue } from '../errors.ts'
import { unknownName } from '../validation/closest.ts'
import { toIssue } from '../validation/issues.ts'
import type { Entries } from '../validation/shape.ts'
import { type AllowSettings, allowEntries } from './allow.ts'
import { type ApiKeysParsed, apiKeysEntries } from './api-keys.ts'
import { type ClientsSettings, clientsEntries } from './clients.ts'
import { type ConsentOptions, consentEntries } from './consent.ts'
import { type DiscoverySettings, discoveryEntries } from './discovery.ts'
import { type EventsParsed, eventsEntries } from './events.ts'
import { type ForwardAuthSettings, forwardAuthEntries } from './forward-auth.ts'
import { type LimitsSettings, limitsEntries } from './limits.ts'
import { type McpServersOptions, mcpEntries } from './mcp.ts'
import { type NetworkParsed, networkEntries } from './network.ts'
import type { ProxyOptions } from './options.ts'
import { type PagesParsed, pagesEntries } from './pages.ts'
import { type RegistrationParsed, registrationEntries } from './registration.ts'
import { type ResourceServersSettings, resourceServersEntries } from './resource-servers.ts'
import { type ScopesParsed, scopesEntries } from './scopes.ts'
import { type ServerParsed, serverEntries } from './server.ts'
import { type SigningParsed, signingEntries } from './signing.ts'
import { type TokensSettings, tokensEntries } from './tokens.ts'
import { type TrustedIssuersParsed, trustedIssuersEntries } from './trusted-issuers.ts'
import { type UpstreamOptions, upstreamEntries } from './upstream.ts'

/** Options that passed their own checks, with the defaults in place. */
export interface ParsedOptions
  extends ServerParsed,
    UpstreamOptions,
    McpServersOptions,
    AllowSettings,
    PagesParsed,
    ConsentOptions,
    ScopesParsed,
    ClientsSettings,
    ApiKeysParsed,
    RegistrationParsed,
    DiscoverySettings,
    ForwardAuthSettings,
    TokensSettings,
    SigningParsed,
    ResourceServersSettings,
    TrustedIssuersParsed,
    LimitsSettings,
    NetworkParsed,
    EventsParsed {}

const ENTRIES: Entries<ProxyOptions, ParsedOptions> = {
  ...serverEntries,
  ...upstreamEntries,
  ...mcpEntries,
  ...allowEntries,
  ...pagesEntries,
  ...consentEntries,
  ...scopesEntries,
  ...clientsEntries,
  ...apiKeysEntries,
  ...registrationEntries,
  ...discoveryEntries,
  ...forwardAuthEntries,
  ...tokensEntries,
  ...signingEntries,
  ...resourceServersEntries,
  ...trustedIssuersEntries,
  ...limitsEntries,
  ...networkEntries,
  ...eventsEntries,
}

/** The check of each option, by its name. */
export const optionEntries: Readonly<Record<string, v.GenericSchema>> = ENTRIES

/** Values that take the place of a required option that is wrong, so that all others can still be checked. */
const STAND_INS: Readonly<Record<string, unknown>> = {
  url: 'https://url.invalid',
  secret: [],
  upstream: [],
  mcp: [],
}

/** Checks every option by itself. An option that is wrong gets its default, or a value that breaks no other check. */
export function parseOptions(options: ProxyOptions): { parsed: ParsedOptions; issues: ConfigIssue[] } {
  const issues: ConfigIssue[] = []
  const known = Object.keys(ENTRIES)
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
  const input: Readonly<Record<string, unknown>> = isObject ? { ...options } : {}
  if (!isObject) issues.push({ path: 'options', message: 'expected an object' })
  const parsed = known.map((name) => {
    const result = v.safeParse(optionEntries[name]!, input[name])
    if (result.success) return [name, result.output]
    for (const issue of result.issues) {
      const { path, message } = toIssue(issue)
      issues.push({ path: path === '' ? name : `${name}.${path}`, message })
    }
    return [name, STAND_INS[name] ?? v.getDefault(optionEntries[name] as never)]
  })
  for (const [name, value] of Object.entries(input)) {
    if (Object.hasOwn(ENTRIES, name) || value === undefined) continue
    issues.push({ path: name, message: unknownName('an option', name, known) })
  }
  return { parsed: Object.fromEntries(parsed) as ParsedOptions, issues }
}
