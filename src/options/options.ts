import type { AllowOptions, AllowSettings } from './allow.ts'
import type { ApiKeysOptions, ApiKeysSettings } from './api-keys.ts'
import type { ClientsOptions, ClientsSettings } from './clients.ts'
import type { ConsentOptions, ConsentSettings } from './consent.ts'
import type { DiscoveryFamily, DiscoverySettings } from './discovery.ts'
import type { EventsOptions, EventsSettings } from './events.ts'
import type { ForwardAuthFamily, ForwardAuthSettings } from './forward-auth.ts'
import type { LimitsOptions, LimitsSettings } from './limits.ts'
import type { McpServersOptions, McpSettings } from './mcp.ts'
import type { NetworkOptions, NetworkSettings } from './network.ts'
import type { PagesOptions, PagesSettings } from './pages.ts'
import type { RegistrationOptions, RegistrationSettings } from './registration.ts'
import type { ResourceServersOptions, ResourceServersSettings } from './resource-servers.ts'
import type { ScopesOptions, ScopesSettings } from './scopes.ts'
import type { ServerOptions, ServerSettings } from './server.ts'
import type { SigningFamily, SigningSettings } from './signing.ts'
import type { TokensOptions, TokensSettings } from './tokens.ts'
import type { TrustedIssuersOptions, TrustedIssuersSettings } from './trusted-issuers.ts'
import type { UpstreamOptions, UpstreamSettings } from './upstream.ts'

export type { ClientOptions } from './clients.ts'
export type { DiscoveryOptions } from './discovery.ts'
export type { ForwardAuthOptions } from './forward-auth.ts'
export type { McpOptions } from './mcp.ts'
export type { ForwardMode, Resource } from './resource.ts'
export type { TrustedIssuerSettings, WorkloadRule } from './trusted-issuers.ts'

/**
 * Options of {@link createProxy}. `undefined` counts as not set. Every `…Ttl` is in seconds.
 *
 * Each family of options is in one file of this folder: its types, its checks, its defaults and its settings.
 */
export interface ProxyOptions
  extends ServerOptions,
    UpstreamOptions,
    McpServersOptions,
    AllowOptions,
    PagesOptions,
    ConsentOptions,
    ScopesOptions,
    ClientsOptions,
    ApiKeysOptions,
    RegistrationOptions,
    DiscoveryFamily,
    ForwardAuthFamily,
    TokensOptions,
    SigningFamily,
    ResourceServersOptions,
    TrustedIssuersOptions,
    LimitsOptions,
    NetworkOptions,
    EventsOptions {}

/** The settings that follow from valid options. */
export interface Settings
  extends ServerSettings,
    UpstreamSettings,
    McpSettings,
    AllowSettings,
    PagesSettings,
    ConsentSettings,
    ScopesSettings,
    ClientsSettings,
    ApiKeysSettings,
    RegistrationSettings,
    DiscoverySettings,
    ForwardAuthSettings,
    TokensSettings,
    SigningSettings,
    ResourceServersSettings,
    TrustedIssuersSettings,
    LimitsSettings,
    NetworkSettings,
    EventsSettings {}
