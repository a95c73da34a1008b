import assert from 'node:assert/strict'
import { OAuthError } from '../../src/errors.ts'

/** The characters of an `error_description` (RFC 6749 §5.2). */
const PUBLIC_TEXT = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/

/** What a rule answers, or nothing where it refuses as rules have to. Anything else it throws is a finding. */
export function orOAuthError<T>(rule: () => T): T | undefined {
  try {
    return rule()
  } catch (error) {
    assert.ok(error instanceof OAuthError, `threw ${error}`)
    assert.match(error.message, PUBLIC_TEXT)
    assert.ok(error.status < 500)
    return undefined
  }
}
