import { base64url } from 'jose'

/** Bytes as base64url without padding (RFC 4648 §5). */
export const toBase64url = (bytes: Uint8Array): string => base64url.encode(bytes)

/** The bytes of a base64url text, or `undefined` where it is none. */
export function fromBase64url(text: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined
  try {
    return base64url.decode(text)
  } catch {
    return undefined
  }
}
