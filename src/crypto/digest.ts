import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { toBase64url } from './base64url.ts'

const encoder = new TextEncoder()

/** SHA-256 as base64url: 43 characters. Also the S256 transformation of RFC 7636 §4.2. */
export const digest = (text: string): string => toBase64url(sha256(encoder.encode(text)))

/** SHA-256 as 64 lower-case hexadecimal digits, as `sha256sum` prints it. */
export const hexDigest = (text: string): string => bytesToHex(sha256(encoder.encode(text)))

/**
 * HMAC-SHA256 over `parts` as base64url, cut to `bytes` bytes.
 *
 * Parts are length-prefixed, so that no two different lists have the same code.
 */
export function mac(key: Uint8Array, parts: readonly string[], bytes = 32): string {
  const text = parts.map((part) => `${part.length}:${part}`).join('')
  return toBase64url(hmac(sha256, key, encoder.encode(text)).subarray(0, bytes))
}
