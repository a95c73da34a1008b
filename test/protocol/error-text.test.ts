import fc from 'fast-check'
import { OAuthError, type OAuthErrorCode } from 'lockgate'
import { expect, test } from 'vitest'
import { errorText } from '../../src/errors.ts'
import { bearerChallenge } from '../../src/protocol/challenge.ts'

/** RFC 6749 §5.2. */
const ALLOWED = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/

const texts = fc.string({ unit: 'binary', maxLength: 60 })

test('an error description has only the characters that OAuth allows, from any text', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(errorText(text)).toMatch(ALLOWED)
      expect(new OAuthError('access_denied', text).message).toMatch(ALLOWED)
    }),
    { numRuns: 500 },
  )
})

test('a challenge stays one header with one description, even if a hook changed the message later', () => {
  fc.assert(
    fc.property(texts, (description) => {
      const resourceMetadata = 'https://mcp.test/.well-known/oauth-protected-resource/mcp'
      const challenge = bearerChallenge({ resourceMetadata, error: 'invalid_token', description })
      expect(new Headers({ 'www-authenticate': challenge }).get('www-authenticate')).toBe(challenge.trim())
      expect(challenge.match(/="[^"]*"/g)).toHaveLength(description === '' ? 2 : 3)
      expect(challenge.replace(/[a-z_]+="[^"]*"(, )?/g, '')).toBe('Bearer ')
    }),
    { numRuns: 500 },
  )
})

test('an error of a hook never becomes a success, whatever code and status it was given', () => {
  const codes = fc.oneof(texts, fc.constantFrom('__proto__', 'constructor', 'toString', 'access_denied'))
  const status = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.constant(undefined),
    fc.constantFrom(200, 204, 302, 99, 600),
  )
  fc.assert(
    fc.property(codes, status, (code, given) => {
      const detail = { reason: 'refused-by-application' as const, status: given }
      const error = new OAuthError(code as OAuthErrorCode, 'no', detail)
      expect(error.status).toBeGreaterThanOrEqual(400)
      expect(error.status).toBeLessThanOrEqual(599)
      expect(error.code).toMatch(/^[a-z_]+$/)
    }),
  )
})
