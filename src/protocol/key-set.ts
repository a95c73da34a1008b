import { asObject } from './members.ts'

/** The public keys of a client. */
export interface KeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

/** A client's public keys, or their address. */
export interface ClientKeys {
  readonly jwks?: KeySet | undefined
  readonly jwksUri?: string | undefined
}

/** The members of a key that only its owner may know. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Tells whether a set of keys contains nothing that only their owner may know. */
export const areKeysPublic = (jwks: KeySet | undefined): boolean =>
  !jwks?.keys.some((key) => key.kty === 'oct' || PRIVATE.some((member) => member in key))

/** Returns a value as a set of keys, if it has that form. */
export function readKeySet(value: unknown): KeySet | undefined {
  const keys = asObject(value)?.keys
  const isSet = Array.isArray(keys) && keys.every((key) => asObject(key) !== undefined)
  return isSet ? { keys: keys as KeySet['keys'] } : undefined
}

/** The members of each kind of key that verifies assertions, with their least length in base64url. */
const KINDS: readonly { readonly fixed: Readonly<Record<string, string>>; readonly numbers: Numbers }[] = [
  // RFC 7518 §3.3: at least 2,048 bits.
  { fixed: { kty: 'RSA' }, numbers: { n: /^[\w-]{342,1400}$/, e: /^[\w-]{2,12}$/ } },
  { fixed: { kty: 'EC', crv: 'P-256' }, numbers: { x: /^[\w-]{43}$/, y: /^[\w-]{43}$/ } },
  { fixed: { kty: 'OKP', crv: 'Ed25519' }, numbers: { x: /^[\w-]{43}$/ } },
]
type Numbers = Readonly<Record<string, RegExp>>

/**
 * Returns the part of a public key that verifies signatures, or `undefined` for a key that verifies no assertion here.
 *
 * @see [RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4)
 */
export function verificationKey(
  key: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> | undefined {
  const kind = KINDS.find(({ fixed }) => Object.entries(fixed).every(([name, value]) => key[name] === value))
  const isWhole =
    kind &&
    Object.entries(kind.numbers).every(
      ([name, form]) => typeof key[name] === 'string' && form.test(key[name]),
    )
  if (!isWhole || (key.use !== undefined && key.use !== 'sig')) return undefined
  const names = [...Object.keys(kind.fixed), ...Object.keys(kind.numbers), 'kid', 'alg']
  return Object.fromEntries(
    names.flatMap((name) => (typeof key[name] === 'string' ? [[name, key[name]]] : [])),
  )
}
