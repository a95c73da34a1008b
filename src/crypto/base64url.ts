import * as base64url from 'jose/base64url'

/** Encodes bytes as base64url without padding (RFC 4648 §5). */
export const toBase64url = (bytes: Uint8Array): string => base64url.encode(bytes)

/** Decodes base64url. Returns `undefined` if the text is not base64url. */
export function fromBase64url(text: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined
  try {
    return base64url.decode(text)
  } catch {
    return undefined
  }
}

/** Tells whether a text is the only spelling of its bytes: decoders ignore spare bits of the last character. */
export function isCanonical(text: string): boolean {
  const spare = text.length % 4
  const last = text.at(-1) ?? ''
  return (
    spare === 0 ||
    (spare === 2 && 'AQgw'.includes(last)) ||
    (spare === 3 && 'AEIMQUYcgkosw048'.includes(last))
  )
}
