import type { ConfigError, OAuthError } from './errors.ts'
import type { UpstreamUnavailable } from './upstream/unavailable.ts'

export { ConfigError, type ConfigIssue, type ErrorDetail, OAuthError, type OAuthErrorCode } from './errors.ts'
export type { EventBase, EventMembers, Listener, ProxyEvent } from './events/event.ts'
export type { Metrics } from './events/metrics.ts'
export type {
  Decided,
  Delivery,
  Inspection,
  OpenStream,
  Passage,
  UnreadBody,
  Verdict,
} from './forward/passage.ts'
export type { ClientAddress } from './http/address.ts'
export type { HeaderFields, RequestHead } from './http/head.ts'
export type { GrantSummary, JudgedGrant, OperatorGrants } from './operator.ts'
export type { AllowUser } from './options/allow.ts'
export type { ApiKeyIdentity, ApiKeyOptions, VerifyApiKey } from './options/api-keys.ts'
export type { AnonymousAuth, Auth, AuthFacts, McpHandler } from './options/auth.ts'
export type { RateLimits } from './options/limits.ts'
export type {
  AuditOptions,
  AuthorizeCall,
  McpRuleOptions,
  PublicOptions,
  ScopeRules,
} from './options/mcp-rules.ts'
export type { ExternalMcp, ForwardedMcp, HandledMcp } from './options/mcp-server.ts'
export type {
  ClientOptions,
  DiscoveryOptions,
  ForwardAuthOptions,
  ForwardMode,
  McpOptions,
  ProxyOptions,
} from './options/options.ts'
export type {
  ClientDocuments,
  RedirectUris,
  RegistrationPolicy,
  RegistrationRefusal,
} from './options/registration.ts'
export type { ScopeOptions } from './options/scopes.ts'
export type { ChooseProvider, OwnLogin } from './options/upstream.ts'
export {
  type CrossAppOptions,
  crossApp,
  type ExchangeOptions,
  exchange,
  type OnBehalfOfOptions,
  onBehalfOf,
  type UpstreamTokenRule,
} from './options/upstream-token.ts'
export type { SomeTexts, Texts } from './pages/texts.ts'
export type { Theme } from './pages/theme.ts'
export {
  type Clock,
  type Fetch,
  type Identity,
  type Outbound,
  type OutboundOptions,
  type RateLimiter,
  type RateRule,
  type Store,
  type Taken,
  UnreadableRecord,
  type UpstreamTokens,
  ValueTooLarge,
  type Versioned,
} from './ports.ts'
export type { McpCall } from './protocol/mcp-call.ts'
export type {
  ClientAssertion,
  ClientKey,
  Credentials,
  IdentityMap,
  Pointer,
  Provider,
  RefreshErrorRule,
  TokenAnswer,
} from './providers/provider.ts'
export { createProxy, type OAuthProxy } from './proxy.ts'
export type { ReasonCode } from './reasons/reasons.ts'
export type { AuthRequest, SignedInUser } from './sign-in/own-login.ts'
export { UpstreamUnavailable } from './upstream/unavailable.ts'

/** Every error that the public functions throw on purpose. Told apart by `name`, and an {@link OAuthError} by `code`. */
export type LockgateError = ConfigError | OAuthError | UpstreamUnavailable
