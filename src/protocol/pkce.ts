import { equal } from '../crypto/compare.ts'
import { digest } from '../crypto/digest.ts'

/** Tells whether a text has the form of an S256 challenge: SHA-256 as base64url, 43 characters. */
export const isChallenge = (text: string): boolean => /^[\w-]{43}$/.test(text)

/**
 * Tells whether a text has the form of a verifier.
 *
 * @see [RFC 7636 §4.1](https://www.rfc-editor.org/rfc/rfc7636#section-4.1)
 */
export const isVerifier = (text: string): boolean => /^[\w.~-]{43,128}$/.test(text)

/** Tells whether `challenge` was made from `verifier`. */
export const provesPossession = (verifier: string, challenge: string): boolean =>
  equal(digest(verifier), challenge)
