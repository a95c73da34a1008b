/**
 * Encodes what form decoding would change or split, and nothing else. The result is the same for servers that decode
 * and for those that do not, unless a value has one of these characters.
 */
const encode = (text: string): string => text.replace(/[^\x21-\x7e]+|[%+&]/g, encodeURIComponent)

/**
 * Returns an `Authorization` header of `client_secret_basic`.
 *
 * RFC 6749 §2.3.1 has clients form-encode both values, but many servers do not decode them. So only `%`, `+`, `&`,
 * blanks, characters outside ASCII and, in the id, `:` are encoded.
 *
 * @param encoding `raw` encodes nothing (RFC 7617).
 * @see [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)
 */
export function basicCredentials(
  { id, secret }: { id: string; secret: string },
  encoding: 'rfc6749' | 'raw' = 'rfc6749',
): string {
  const text =
    encoding === 'raw' ? `${id}:${secret}` : `${encode(id).replaceAll(':', '%3A')}:${encode(secret)}`
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}`
}
