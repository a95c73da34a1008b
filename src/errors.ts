import type { ReasonCode } from './reasons/reasons.ts'

/** The HTTP status of each OAuth error code. */
const STATUS = {
  invalid_request: 400,
  unauthorized_client: 400,
  unsupported_response_type: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_grant: 400,
  invalid_target: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_client: 401,
  invalid_token: 401,
  access_denied: 403,
  insufficient_scope: 403,
  too_many_requests: 429,
  server_error: 500,
  bad_gateway: 502,
  temporarily_unavailable: 503,
} as const

/**
 * The error codes of this server: those of RFC 6749, 6750, 7591 and 8707, `bad_gateway` for a server behind the proxy, and
 * `too_many_requests`, which the SDKs of MCP know.
 */
export type OAuthErrorCode = keyof typeof STATUS

/**
 * Replaces the characters that `error_description` may not contain: quotes, backslashes, and anything but printable
 * ASCII.
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export const errorText = (text: string): string =>
  text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/[^\x20-\x7e]/gu, '?')

const isFailure = (status: number | undefined): status is number =>
  status !== undefined && Number.isInteger(status) && status >= 400 && status <= 599

/** Returns the seconds as `Retry-After` takes them (RFC 9110 §10.2.3). Clocks and hooks give fractions. */
const wholeSeconds = (seconds: number | undefined): number | undefined =>
  seconds !== undefined && Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined

/** The details of an {@link OAuthError}. None but `retryAfter`, `status` and `scope` reach the peer. */
export interface ErrorDetail {
  /** The reason code, for events, logs and the error page. */
  readonly reason: ReasonCode
  /** The exact fault, for events and logs. Never a token, and never a raw value from the peer. */
  readonly detail?: string | undefined
  readonly cause?: unknown
  /** The HTTP status, if the one of the code is not exact, such as 413 for a body that is too large. */
  readonly status?: number | undefined
  /** The seconds for `Retry-After`. Fractions are rounded up. */
  readonly retryAfter?: number | undefined
  /** The scopes for the challenge of `insufficient_scope`. By default those of the MCP server. */
  readonly scope?: readonly string[] | undefined
}

/**
 * A refusal that the peer receives. Hooks throw it to refuse with a sentence of their own. Any other exception reaches the
 * peer as `server_error` without a word about it.
 *
 * `message` is sent as `error_description`: write a fixed sentence without input and secrets.
 *
 * @example
 * Refuse a user in `allow`:
 * ```ts
 * import { createProxy, OAuthError, type ProxyOptions } from 'lockgate'
 *
 * export const allow: ProxyOptions['allow'] = (identity) => {
 *   if (identity.claims.suspended) throw new OAuthError('access_denied', 'This account is suspended')
 *   return identity.emailVerified === true
 * }
 * ```
 *
 * @example
 * Tell errors apart by code in a handler:
 * ```ts
 * import { OAuthError, type McpHandler } from 'lockgate'
 *
 * export const handler: McpHandler = async (request, auth) => {
 *   try {
 *     return Response.json(await auth.upstream.accessToken())
 *   } catch (error) {
 *     if (error instanceof OAuthError && error.code === 'access_denied') return new Response(null, { status: 403 })
 *     throw error
 *   }
 * }
 * ```
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export class OAuthError extends Error {
  override readonly name: 'OAuthError' | 'UpstreamUnavailable' = 'OAuthError'
  readonly code: OAuthErrorCode
  /** The HTTP status. */
  readonly status: number
  /** The reason code, for events, logs and the error page. */
  readonly reason: ReasonCode
  /** The exact fault, for events and logs. */
  readonly detail: string | undefined
  /** The seconds after which another attempt makes sense. */
  readonly retryAfter: number | undefined
  /** The scopes that the peer needs, for `insufficient_scope`. */
  readonly scope: readonly string[] | undefined

  /** @param detail By default the reason is `refused-by-application`. */
  constructor(
    code: OAuthErrorCode,
    message: string,
    detail: ErrorDetail = { reason: 'refused-by-application' },
  ) {
    super(errorText(message), { cause: detail.cause })
    // A hook in JavaScript can pass anything. A refusal must not become a success by that.
    this.code = Object.hasOwn(STATUS, code) ? code : 'server_error'
    this.status = isFailure(detail.status) ? detail.status : STATUS[this.code]
    this.reason = detail.reason
    this.detail = detail.detail
    this.retryAfter = wholeSeconds(detail.retryAfter)
    this.scope = detail.scope
  }
}

/**
 * An error of this package whose message contains no input of clients and no secret, so that events may repeat it.
 * Messages of other errors are left out of events: they often quote the value that was wrong.
 */
export class StatedError extends TypeError {}

/** A wrong option. */
export interface ConfigIssue {
  /** The dotted path of the option, such as `mcp.0.path`. */
  readonly path: string
  /** The sentence that says what is expected. Never quotes the value, because an option may be a secret. */
  readonly message: string
}

/**
 * All wrong options of {@link createProxy} at once.
 *
 * @example
 * ```ts
 * import { ConfigError, createProxy, type ProxyOptions } from 'lockgate'
 *
 * export function start(options: ProxyOptions) {
 *   try {
 *     return createProxy(options)
 *   } catch (error) {
 *     if (error instanceof ConfigError) for (const { path, message } of error.issues) console.error(path, message)
 *     throw error
 *   }
 * }
 * ```
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super(`Lockgate cannot start:\n${issues.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`)
    this.issues = issues
  }
}
