import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { fromBase64url, isCanonical, toBase64url } from './base64url.ts'
import { KEY_ID_LENGTH, type Keyring, OF_ONE_ISSUER, type SealingPurpose } from './keyring.ts'

/**
 * Seals and opens small JSON values. A value that was sealed for one purpose and place opens nowhere else, and what a
 * sign-in leaves opens at no other issuer.
 */
export interface Sealer {
  /** Seals a value. @param place The owner of the value, such as its record's key. It is authenticated, not contained. */
  seal(purpose: SealingPurpose, place: string, value: unknown): string
  /** Returns the value, or `undefined` for anything that was not sealed here for this purpose and place. */
  open(purpose: SealingPurpose, place: string, sealed: string): unknown
  /** Returns `true` for a value that was sealed with the current secret, not with a previous one. */
  isCurrent(sealed: string): boolean
  /** Returns whether a text starts with the id of a known key. It proves nothing. */
  knows(text: string): boolean
  /** Returns the key id of a text that another secret may have sealed. It proves nothing. */
  unknownKeyOf(text: string): string | undefined
}

const NONCE = 24
/** The shortest sealed value: a nonce, a character and a tag. */
const SHORTEST = 55

const isSealed = (text: string): boolean =>
  text.length >= SHORTEST && /^[\w-]+$/.test(text) && isCanonical(text)

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Creates a sealer with XChaCha20-Poly1305. A sealed value is `<key id><base64url(nonce ‖ ciphertext ‖ tag)>`.
 *
 * The nonce is long enough to be random under a key that lives for years. The synchronous implementation costs less than
 * the hop to a thread pool of a WebCrypto call.
 */
export function createSealer(keyring: Keyring, issuer: string): Sealer {
  const associated = (purpose: SealingPurpose, place: string) =>
    encoder.encode([purpose, ...(OF_ONE_ISSUER[purpose] ? [issuer] : []), place].join('\n'))
  return {
    isCurrent: (text) => text.startsWith(keyring.current.id),
    knows: (text) => keyring.byId(text.slice(0, KEY_ID_LENGTH)) !== undefined,
    unknownKeyOf(text) {
      const [id, sealed] = [text.slice(0, KEY_ID_LENGTH), text.slice(KEY_ID_LENGTH)]
      return !keyring.byId(id) && isSealed(sealed) ? id : undefined
    },
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
