import { toBase64url } from './base64url.ts'

/** A fresh unguessable id of `bytes` random bytes (16 by default: 128 bits, 22 characters) as base64url. */
export function randomId(bytes = 16): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(bytes)))
}
