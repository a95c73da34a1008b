import { errorText } from '../errors.ts'

/** The content of a `WWW-Authenticate: Bearer` header. */
export interface Challenge {
  /** The URL of the protected-resource metadata. */
  readonly resourceMetadata: string
  readonly scope?: readonly string[] | undefined
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | undefined
  readonly description?: string | undefined
}

/**
 * Returns the header's value. No part of it needs escaping: scopes contain no quotes, and descriptions keep none.
 *
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 * @see [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)
 */
export function bearerChallenge({ resourceMetadata, scope, error, description }: Challenge): string {
  const attributes = [
    error && `error="${error}"`,
    description && `error_description="${errorText(description)}"`,
    scope && scope.length > 0 && `scope="${scope.join(' ')}"`,
    `resource_metadata="${resourceMetadata}"`,
  ]
  return `Bearer ${attributes.filter(Boolean).join(', ')}`
}
