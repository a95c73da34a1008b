import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { toBase64url } from './base64url.ts'

/** A purpose that values are sealed for. Each purpose has its own key, so that a value opens in no other use. */
export type SealingPurpose =
  | 'consent'
  | 'sign-in'
  | 'account-sign-in'
  | 'client-state'
  | 'finish'
  | 'session'
  | 'approvals'
  | 'access-token'
  | 'mcp-session'
  | 'grant'
  | 'registration'
  | 'signing-keys'

/** The purpose of a key. The last ones make an HMAC. */
export type Purpose = SealingPurpose | 'client-secret' | 'user' | 'refresh-token'

/**
 * The purposes whose values open only at the issuer that sealed them: all that a sign-in leaves in a browser or in the
 * storage. Deployments may share a secret and a storage, and each has its own `allow`. The others last longer than an
 * upgrade, so every build has to open them. Their place or their content names the issuer or the server.
 */
export const OF_ONE_ISSUER: Readonly<Record<SealingPurpose, boolean>> = {
  consent: true,
  'sign-in': true,
  'account-sign-in': true,
  'client-state': true,
  finish: true,
  session: true,
  approvals: true,
  // Its place is the issuer.
  'access-token': false,
  // Its place is the MCP server, and it names the user and the client.
  'mcp-session': false,
  // Its place is the record, which names the issuer.
  grant: false,
  // It lets no user in. The user approves at the issuer.
  registration: false,
  // Deployments that share a storage sign with the same keys, and what they sign names the issuer.
  'signing-keys': false,
}

/** The keys derived from one secret. */
export interface KeySet {
  /** A name of the secret that reveals nothing about it: 4 base64url characters. */
  readonly id: string
  /** 32 bytes. */
  readonly key: (purpose: Purpose) => Uint8Array
}

/** The keys of the current secret, and of the previous secrets that still open what they sealed. */
export interface Keyring {
  readonly current: KeySet
  readonly all: readonly KeySet[]
  readonly byId: (id: string) => KeySet | undefined
}

export const KEY_ID_LENGTH = 4

const encoder = new TextEncoder()

/** Returns the key id of a secret. It reveals nothing about the secret. */
export const keyIdOf = (secret: string): string => createKeySet(secret).id

function createKeySet(secret: string): KeySet {
  const input = encoder.encode(secret)
  const derive = (info: string, bytes: number) =>
    hkdf(sha256, input, encoder.encode('lockgate/v1'), encoder.encode(info), bytes)
  const keys = new Map<Purpose, Uint8Array>()
  return {
    id: toBase64url(derive('key-id', 3)),
    key(purpose) {
      const known = keys.get(purpose)
      if (known) return known
      const key = derive(purpose, 32)
      keys.set(purpose, key)
      return key
    },
  }
}

/** Returns the keys of one secret of a keyring. */
export const only = (keys: KeySet): Keyring => ({
  current: keys,
  all: [keys],
  byId: (id) => (id === keys.id ? keys : undefined),
})

/**
 * Derives all keys of the proxy from its secrets, the current one first.
 *
 * @see [RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)
 */
export function createKeyring(secrets: readonly [string, ...string[]]): Keyring {
  const [first, ...rest] = secrets
  const current = createKeySet(first)
  const all = [current, ...rest.map(createKeySet)]
  return { current, all, byId: (id) => all.find((set) => set.id === id) }
}
