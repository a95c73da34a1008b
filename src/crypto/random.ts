import { toBase64url } from './base64url.ts'

/** Returns a random id as base64url. By default it has 128 bits, which are 22 characters. */
export function randomId(bytes = 16): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(bytes)))
}
