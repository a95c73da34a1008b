import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { fromBase64url, isCanonical, toBase64url } from './base64url.ts'
import { KEY_ID_LENGTH, type Keyring, type Purpose } from './keyring.ts'

/** Seals and opens small JSON values; what was sealed for one purpose and place opens nowhere else. */
export interface Sealer {
  /** @param place What the value belongs to, such as its record's key: authenticated, not contained. */
  seal(purpose: Purpose, place: string, value: unknown): string
  /** The value, or `undefined` for anything that was not sealed here for this purpose and place. */
  open(purpose: Purpose, place: string, sealed: string): unknown
  /** Whether a value was sealed with the current secret, not with one that will be dropped some day. */
  isCurrent(sealed: string): boolean
}

const NONCE = 24
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * XChaCha20-Poly1305, the key's id in front: `<key id><base64url(nonce ‖ ciphertext ‖ tag)>`.
 *
 * Its nonce is long enough to be drawn at random under a key that lives for years, and its synchronous
 * implementation costs less than the hop to a thread pool that every WebCrypto call is.
 */
export function createSealer(keyring: Keyring): Sealer {
  const associated = (purpose: Purpose, place: string) => encoder.encode(`${purpose}\n${place}`)
  return {
    isCurrent: (text) => text.startsWith(keyring.current.id),
    seal(purpose, place, value) {
      const { id, key } = keyring.current
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE))
      const cipher = xchacha20poly1305(key(purpose), nonce, associated(purpose, place))
      const sealed = cipher.encrypt(encoder.encode(JSON.stringify(value)))
      const bytes = new Uint8Array(NONCE + sealed.length)
      bytes.set(nonce)
      bytes.set(sealed, NONCE)
      return id + toBase64url(bytes)
    },
    open(purpose, place, text) {
      const keys = keyring.byId(text.slice(0, KEY_ID_LENGTH))
      const sealed = text.slice(KEY_ID_LENGTH)
      const bytes = keys && isCanonical(sealed) ? fromBase64url(sealed) : undefined
      if (!keys || !bytes || bytes.length <= NONCE) return undefined
      try {
        const cipher = xchacha20poly1305(
          keys.key(purpose),
          bytes.subarray(0, NONCE),
          associated(purpose, place),
        )
        return JSON.parse(decoder.decode(cipher.decrypt(bytes.subarray(NONCE))))
      } catch {
        return undefined
      }
    },
  }
}
