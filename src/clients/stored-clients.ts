import { equal } from '../crypto/compare.ts'
import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import type { Clock, Store } from '../ports.ts'
import { type ClientMetadata, SECRET_METHODS } from '../protocol/client-metadata.ts'
import { busy } from '../refusals.ts'
import type { Client } from './client.ts'
import { type Registration, registeredClient } from './registration.ts'

/** Dynamic registration with a record that its client can change and delete. */
export interface StoredClients {
  find(clientId: string): Promise<Client | undefined>
  register(metadata: ClientMetadata): Promise<Registration>
  /** Extends the life of a registration that is in use. */
  keep(clientId: string): Promise<void>
  /** Returns `undefined` both for a wrong token and for an unknown client, so that callers cannot tell them apart. */
  read(clientId: string, accessToken: string): Promise<Registration | undefined>
  /** Returns `undefined` as `read` does, and `mismatch` if the given secret is not the client's. */
  replace(
    clientId: string,
    accessToken: string,
    next: { readonly metadata: ClientMetadata; readonly secret: string | undefined },
  ): Promise<Registration | 'mismatch' | undefined>
  /** Returns whether there was such a registration. */
  remove(clientId: string, accessToken: string): Promise<boolean>
}

interface ClientRecord {
  readonly format: 1
  readonly metadata: ClientMetadata
  readonly issuedAt: number
  readonly expiresAt: number
  /** The last time that `expiresAt` was extended. */
  readonly keptAt: number
  readonly secretHash?: string
  readonly tokenHash: string
}

const ATTEMPTS = 10
const ID = /^app-[\w-]{22}$/
const DAY = 24 * 60 * 60
/** The default lifetime of a registration after its last use, in seconds. */
export const DEFAULT_TTL: number = 90 * DAY

/**
 * Keeps registrations in the storage. Secrets and access tokens are kept as digests, which is safe because they are
 * random.
 *
 * @see [RFC 7591 §3.2.1](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1)
 * @see [RFC 7592 §2](https://www.rfc-editor.org/rfc/rfc7592#section-2)
 */
export function createStoredClients(ports: {
  store: Store
  now: Clock
  /** Lifetime after the last use, in seconds. Default: 90 days. */
  ttl: number | undefined
  /** The scopes of this server. */
  scopes: readonly string[]
}): StoredClients {
  const { store, now, ttl = DEFAULT_TTL, scopes } = ports

  async function load(id: string): Promise<{ record: ClientRecord; version: string } | undefined> {
    const found = ID.test(id) ? await store.get(keyOf(id)) : undefined
    const record = found?.value as ClientRecord | undefined
    if (!found || record?.format !== 1 || record.expiresAt <= now()) return undefined
    return { record, version: found.version }
  }

  async function open(id: string, accessToken: string): ReturnType<typeof load> {
    const found = await load(id)
    return found && equal(digest(accessToken), found.record.tokenHash) ? found : undefined
  }

  const newSecret = (metadata: ClientMetadata) => (hasSecret(metadata) ? randomId(32) : undefined)

  return {
    async find(id) {
      const record = (await load(id))?.record
      return record && toClient(id, record, scopes)
    },
    async register(metadata) {
      const [id, accessToken, secret] = [`app-${randomId()}`, randomId(32), newSecret(metadata)]
      const issuedAt = now()
      const record: ClientRecord = {
        format: 1,
        metadata,
        issuedAt,
        keptAt: issuedAt,
        expiresAt: issuedAt + ttl,
        ...(secret !== undefined && { secretHash: digest(secret) }),
        tokenHash: digest(accessToken),
      }
      await store.set(keyOf(id), record, ttl)
      return { id, key: id, metadata, issuedAt, expiresAt: record.expiresAt, secret, accessToken }
    },
    async keep(id) {
      const found = await load(id)
      // One write a day is enough.
      if (!found || now() - found.record.keptAt < Math.min(DAY, ttl / 10)) return
      const record = { ...found.record, keptAt: now(), expiresAt: now() + ttl }
      await store.swap(keyOf(id), found.version, record, ttl)
    },
    async read(id, accessToken) {
      const record = (await open(id, accessToken))?.record
      if (!record) return undefined
      const { metadata, issuedAt, expiresAt } = record
      return { id, key: id, metadata, issuedAt, expiresAt, accessToken }
    },
    async replace(id, accessToken, { metadata, secret: shown }) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await open(id, accessToken)
        if (!found) return undefined
        const { secretHash, ...rest } = found.record
        if (shown !== undefined && !equal(digest(shown), secretHash ?? '')) return 'mismatch'
        const secret = secretHash === undefined ? newSecret(metadata) : undefined
        const hash = hasSecret(metadata) ? (secret ? digest(secret) : secretHash) : undefined
        const record: ClientRecord = {
          ...rest,
          metadata,
          keptAt: now(),
          expiresAt: now() + ttl,
          ...(hash !== undefined && { secretHash: hash }),
        }
        // Another change or a use came first, so decide again.
        if (!(await store.swap(keyOf(id), found.version, record, ttl))) continue
        const { issuedAt, expiresAt } = record
        return { id, key: id, metadata, issuedAt, expiresAt, secret, accessToken }
      }
      throw busy('registration-busy')
    },
    async remove(id, accessToken) {
      if (!(await open(id, accessToken))) return false
      await store.delete(keyOf(id))
      return true
    },
  }
}

const hasSecret = ({ authMethod }: ClientMetadata) => SECRET_METHODS.includes(authMethod)

const keyOf = (id: string) => `client:${id}`

const toClient = (id: string, { metadata, secretHash }: ClientRecord, scopes: readonly string[]): Client => ({
  ...registeredClient({ id, key: id }, metadata, scopes),
  ...(secretHash !== undefined && { secretHashes: [secretHash] }),
})
