export type { Auth, McpHandler } from './auth.ts'
export type {
  ClientOptions,
  ForwardMode,
  McpOptions,
  ProxyOptions,
} from './config.ts'
export type { AuthRequest, SignedInUser } from './endpoints/own-login.ts'
export { ConfigError, type ConfigIssue, OAuthError, type OAuthErrorCode } from './errors.ts'
export type { Listener, ProxyEvent } from './events/event.ts'
export type { Metrics } from './events/metrics.ts'
export type { ClientAddress } from './http/address.ts'
export type { Texts } from './pages/texts.ts'
export type {
  Clock,
  Fetch,
  Identity,
  Outbound,
  OutboundOptions,
  RateLimiter,
  RateRule,
  Store,
  Taken,
  UpstreamTokens,
  Versioned,
} from './ports.ts'
export type { ApiKeyIdentity, ApiKeyOptions, VerifyApiKey } from './protocol/api-key-schema.ts'
export type { RegistrationPolicy, RegistrationRefusal } from './protocol/registration-policy.ts'
export type { ChooseProvider, OwnLogin } from './providers/parts/upstream-schema.ts'
export type { Credentials, IdentityMap, Pointer, Provider, TokenAnswer } from './providers/provider.ts'
export { createProxy, type GrantSummary, type OAuthProxy } from './proxy.ts'
export type { ReasonCode } from './reasons/reasons.ts'
export { type ScalarOption, scalarOptions } from './scalar-options.ts'
