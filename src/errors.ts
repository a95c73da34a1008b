import type { ReasonCode } from './reasons/reasons.ts'

/** The single place where an OAuth error code gets its HTTP status. */
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
 * Every code this server answers with (RFC 6749, 6750, 7591, 8707), plus `bad_gateway` for forwarding, and
 * `too_many_requests`, which no RFC has: MCP's SDKs know it, and keep their credentials.
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

/** What goes with an {@link OAuthError} beside its public sentence. */
export interface ErrorDetail {
  /** Why, for events, logs and the error page. */
  readonly reason: ReasonCode
  /** For events and logs only: what exactly was wrong. Never a token, never a raw value from the peer. */
  readonly detail?: string | undefined
  readonly cause?: unknown
  /** Where HTTP has a more exact status than the code's own, such as 413 for a body over the limit. */
  readonly status?: number | undefined
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number | undefined
}

/**
 * A refusal the peer is meant to see.
 *
 * `message` is sent as `error_description`, so it is a fixed sentence: no input, no secrets. What the
 * operator needs stands in `reason` and `detail`. Anything else that is thrown reaches the peer as a bare `server_error`.
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  readonly status: number
  readonly reason: ReasonCode
  readonly detail: string | undefined
  readonly retryAfter: number | undefined

  constructor(
    code: OAuthErrorCode,
    message: string,
    detail: ErrorDetail = { reason: 'refused-by-application' },
  ) {
    super(errorText(message), { cause: detail.cause })
    this.code = code
    this.status = detail.status ?? STATUS[code]
    this.reason = detail.reason
    this.detail = detail.detail
    this.retryAfter = detail.retryAfter
  }
}

/** One option that is wrong: where it stands and what is expected there. */
export interface ConfigIssue {
  readonly path: string
  readonly message: string
}

/** Wrong options, all of them at once. Values are never quoted: an option may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super(`Lockgate cannot start:\n${issues.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`)
    this.issues = issues
  }
}
