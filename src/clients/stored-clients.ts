import { equal } from '../crypto/compare.ts'
import { digest } from '../crypto/digest.ts'
import { randomId } from '../crypto/random.ts'
import { OAuthError } from '../errors.ts'
import type { Clock, Store } from '../ports.ts'
import type { ClientMetadata } from '../protocol/client-metadata.ts'
import { parseScope } from '../protocol/scope.ts'
import type { Client } from './client.ts'

/** A registration as its client may see it. */
export interface Registration {
  readonly id: string
  /** Names it in events. */
  readonly key: string
  readonly metadata: ClientMetadata
  /** Seconds since the epoch. */
  readonly issuedAt: number
  /** Absent means never. */
  readonly expiresAt: number | undefined
  /** Only where it was made just now: nobody can read it again. */
  readonly secret?: string | undefined
  /** With which its client reads, changes and deletes it. */
  readonly accessToken?: string | undefined
}

/** Dynamic registration with a record, which its client can change and delete. */
export interface StoredClients {
  find(clientId: string): Promise<Client | undefined>
  register(metadata: ClientMetadata): Promise<Registration>
  /** Puts off the end of a registration that is in use. */
  keep(clientId: string): Promise<void>
  /** `undefined` for a wrong token, or for a client that is not there: nobody learns which. */
  read(clientId: string, accessToken: string): Promise<Registration | undefined>
  /** `undefined` as `read`; `mismatch` where the secret that came along is not the client's. */
  replace(
    clientId: string,
    accessToken: string,
    next: { readonly metadata: ClientMetadata; readonly secret: string | undefined },
  ): Promise<Registration | 'mismatch' | undefined>
  /** @returns Whether it was there. */
  remove(clientId: string, accessToken: string): Promise<boolean>
}

interface ClientRecord {
  readonly format: 1
  readonly metadata: ClientMetadata
  readonly issuedAt: number
  readonly expiresAt: number
  /** When `expiresAt` was last put off. */
  readonly keptAt: number
  readonly secretHash?: string
  readonly tokenHash: string
}

const ATTEMPTS = 10
const ID = /^app-[\w-]{22}$/
const DAY = 24 * 60 * 60
/** Seconds: without a use for so long a registration ends, where the options do not say. */
const DEFAULT_TTL = 90 * DAY

/**
 * Registrations in the storage. Of secrets and access tokens only digests are kept: both are random enough for that.
 *
 * @see [RFC 7591 §3.2.1](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1)
 * @see [RFC 7592 §2](https://www.rfc-editor.org/rfc/rfc7592#section-2)
 */
export function createStoredClients(ports: {
  store: Store
  now: Clock
  /** Seconds after the last use. */
  ttl: number | undefined
  /** Scopes that exist. */
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

  const newSecret = ({ authMethod }: ClientMetadata) => (authMethod === 'none' ? undefined : randomId(32))

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
      // Once a day is enough, and saves a write at every refresh.
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
        const hash = metadata.authMethod === 'none' ? undefined : secret ? digest(secret) : secretHash
        const record: ClientRecord = {
          ...rest,
          metadata,
          keptAt: now(),
          expiresAt: now() + ttl,
          ...(hash !== undefined && { secretHash: hash }),
        }
        // Lost a race against another change, or a use: judge it anew.
        if (!(await store.swap(keyOf(id), found.version, record, ttl))) continue
        const { issuedAt, expiresAt } = record
        return { id, key: id, metadata, issuedAt, expiresAt, secret, accessToken }
      }
      throw new OAuthError('temporarily_unavailable', 'The server is busy, try again', {
        reason: 'registration-busy',
        retryAfter: 1,
      })
    },
    async remove(id, accessToken) {
      if (!(await open(id, accessToken))) return false
      await store.delete(keyOf(id))
      return true
    },
  }
}

const keyOf = (id: string) => `client:${id}`

function toClient(id: string, { metadata, secretHash }: ClientRecord, scopes: readonly string[]): Client {
  const { name, redirectUris, authMethod, refreshes, scope } = metadata
  const known = parseScope(scope).filter((item) => scopes.includes(item))
  return {
    id,
    key: id,
    kind: 'registered',
    name: name ?? 'An application without a name',
    redirectUris,
    authMethods: [authMethod],
    refreshes,
    scope: known.length > 0 ? known : undefined,
    secrets: [],
    ...(secretHash !== undefined && { secretHashes: [secretHash] }),
  }
}
