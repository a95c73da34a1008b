import type { AccessTokenOptions } from './access-token.ts'
import type { McpHandler } from './auth.ts'
import type { IdentityOptions } from './identity.ts'
import type { McpRuleOptions } from './mcp-rules.ts'
import type { ForwardMode } from './resource.ts'
import type { UpstreamTokenRule } from './upstream-token.ts'

/** Members of {@link McpOptions} that every kind of server has. */
interface McpAny {
  /** The name for users and in the metadata. By default the name of this server. */
  name?: string | undefined
  /** The scopes that every request needs. */
  scopes?: readonly string[] | undefined
  /** The id of the provider that its users sign in at, or several. All by default. */
  upstream?: string | readonly string[] | undefined
  /** The form of its access tokens: `{ format: 'jwt' }` for tokens that other servers can verify. Sealed by default. */
  accessToken?: AccessTokenOptions | undefined
}

/** Members of {@link McpOptions} that every server behind Lockgate has. */
export interface McpCommon extends McpAny, McpRuleOptions {
  /** The path that clients use, below the path of `url`. By default the path of the server's own URL, or `/mcp` for a handler. */
  path?: string | undefined
  /**
   * The treatment of `Mcp-Session-Id`. `bound` gives the client a sealed id, which only the same user with the same client
   * can use. `dangerously-unbound` sends the server's own id. Any user of the server who knows it can use it, and with
   * `public` any caller can.
   *
   * @default 'bound'
   */
  sessions?: 'bound' | 'dangerously-unbound' | undefined
}

/** An MCP server that requests are forwarded to. */
export interface ForwardedMcp extends McpCommon {
  /** The address of the server. */
  url: string
  /**
   * The information to send along. `identity` adds the `X-Lockgate-…` headers. `upstream-token` also adds the provider's
   * access token as bearer token. `nothing` adds neither.
   *
   * @default 'identity'
   */
  forward?: ForwardMode | undefined
  /** Sends a signed identity with every request, which the server verifies with the keys at `/jwks`. */
  identity?: IdentityOptions | undefined
  /**
   * Exchanges the provider's token of the user for one that is meant for this server, and sends that as bearer token:
   * `exchange(…)`, `onBehalfOf(…)` or `crossApp(…)`.
   */
  upstreamToken?: UpstreamTokenRule | undefined
  handler?: undefined
  external?: undefined
  resource?: undefined
}

/** An MCP server in this process. */
export interface HandledMcp extends McpCommon {
  /** The function that serves its requests. With `public`, write the type of its `auth` as `Auth | AnonymousAuth`. */
  handler: McpHandler
  url?: undefined
  forward?: undefined
  identity?: undefined
  upstreamToken?: undefined
  external?: undefined
  resource?: undefined
}

/**
 * An MCP server elsewhere that verifies tokens itself. Lockgate issues signed tokens for it, and forwards nothing. The
 * server publishes its own protected-resource metadata, which names Lockgate.
 */
export interface ExternalMcp extends McpAny {
  external: true
  /** The public URL of the server: the audience of its tokens. */
  resource: string
  url?: undefined
  handler?: undefined
  forward?: undefined
  identity?: undefined
  upstreamToken?: undefined
  path?: undefined
  sessions?: undefined
}

/** One protected MCP server: the address of a server, a handler in this process, or a server that verifies tokens itself. */
export type McpOptions = ForwardedMcp | HandledMcp | ExternalMcp
