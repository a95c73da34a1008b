import * as base64url from 'jose/base64url'

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

/**
 * Whether a text is the one spelling of its bytes: the last character may have bits to spare, and a decoder does not
 * look at them.
 */
export function isCanonical(text: string): boolean {
  const spare = text.length % 4
  const last = text.at(-1) ?? ''
  return (
    spare === 0 ||
    (spare === 2 && 'AQgw'.includes(last)) ||
    (spare === 3 && 'AEIMQUYcgkosw048'.includes(last))
  )
}
