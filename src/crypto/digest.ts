import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { toBase64url } from './base64url.ts'

const encoder = new TextEncoder()

/** Returns the SHA-256 as base64url, 43 characters. It is also the S256 transformation of RFC 7636 §4.2. */
export const digest = (text: string): string => toBase64url(sha256(encoder.encode(text)))

/** Returns the SHA-256 as 64 lower-case hexadecimal digits, like `sha256sum`. */
export const hexDigest = (text: string): string => bytesToHex(sha256(encoder.encode(text)))

/**
 * Returns the HMAC-SHA256 of `parts` as base64url, cut to `bytes` bytes. Each part is prefixed with its length, so that two
 * different lists never have the same code.
 */
export function mac(key: Uint8Array, parts: readonly string[], bytes = 32): string {
  const text = parts.map((part) => `${part.length}:${part}`).join('')
  return toBase64url(hmac(sha256, key, encoder.encode(text)).subarray(0, bytes))
}
