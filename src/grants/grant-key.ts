import { mac } from '../crypto/digest.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { randomId } from '../crypto/random.ts'
import type { Identity } from '../ports.ts'

/** Names one grant. Both parts are 22 base64url characters; the key of its record is `grant:<user>:<id>`. */
export interface GrantKey {
  readonly user: string
  readonly id: string
}

const PART = '[\\w-]{22}'

/** The pattern of `<user>.<id>`, with which every code and refresh token begins. */
export const GRANT_PATTERN: string = `(${PART})\\.(${PART})`

/** In front of every grant. */
export const EVERY_GRANT = 'grant:'

export const recordKey = ({ user, id }: GrantKey): string => `${EVERY_GRANT}${user}:${id}`

export function parseRecordKey(name: string): GrantKey | undefined {
  const match = new RegExp(`^${EVERY_GRANT}(${PART}):(${PART})$`).exec(name)
  return match ? { user: match[1]!, id: match[2]! } : undefined
}

/** In front of every grant of one user. */
export const userPrefix = (user: string): string => `${EVERY_GRANT}${user}:`

/** `<user>.<id>`, as tokens and events carry it. */
export const formatGrantKey = ({ user, id }: GrantKey): string => `${user}.${id}`

export function parseGrantKey(text: string): GrantKey | undefined {
  const match = new RegExp(`^${GRANT_PATTERN}$`).exec(text)
  return match ? { user: match[1]!, id: match[2]! } : undefined
}

/** Returns `true` if two identities are the same person. An address or a name is not an identity. */
export const isSameUser = (one: Identity, other: Identity): boolean =>
  one.issuer === other.issuer && one.tenant === other.tenant && one.subject === other.subject

/**
 * Returns a keyed hash of the user's identity, so that tokens and storage keys do not reveal the person. It uses the oldest
 * secret: while that one is kept, a new secret before it does not separate a user from their grants.
 *
 * @param realm Separates users who are the same person at the provider, but must not be the same here.
 */
export function userKey(keyring: Keyring, { issuer, tenant, subject }: Identity, realm?: string): string {
  const oldest = keyring.all[keyring.all.length - 1]!
  const parts = [issuer, tenant ?? '', subject]
  return mac(oldest.key('user'), realm === undefined ? parts : [...parts, realm], 16)
}

export const newGrantKey = (user: string): GrantKey => ({ user, id: randomId() })
