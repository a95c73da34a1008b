import { digest, mac } from '../crypto/digest.ts'
import { KEY_ID_LENGTH, type Keyring } from '../crypto/keyring.ts'
import type { Sealer } from '../crypto/seal.ts'
import { OAuthError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import {
  AUTH_METHODS,
  type AuthMethod,
  type ClientMetadata,
  type Refreshes,
  SECRET_METHODS,
} from '../protocol/client-metadata.ts'
import type { KeySet } from '../protocol/key-set.ts'
import type { Client } from './client.ts'
import { type Registration, registeredClient } from './registration.ts'

/** Dynamic registration without a record: the client id is the sealed registration. */
export interface SealedClients {
  /** @throws {OAuthError} `invalid_client_metadata` if the id would not fit into a URL. */
  register(metadata: ClientMetadata): Registration
  /** Returns the client of an id that was sealed here and has not expired. */
  open(clientId: string): Client | undefined
}

const PREFIX = 'dcr-'
/** The length of a client id, which travels in URLs next to the client's `state`. */
const MAX_ID = 4096

/** Name, redirect URIs, index of the method, index of the refresh rule, scope, issued at. Short, because it travels. */
type Members = readonly [string | null, readonly string[], number, number, string | null, number]
type Sealed = Members | readonly [...Members, keys: KeySet['keys']]

/** Their order is part of every client id. */
const REFRESHES: readonly Refreshes[] = [false, true, 'if-asked']

/** @see [RFC 7591 §A.5.2](https://www.rfc-editor.org/rfc/rfc7591#appendix-A.5.2) for stateless registration */
export function createSealedClients(ports: {
  keyring: Keyring
  sealer: Sealer
  now: Clock
  /** Lifetime of a registration in seconds. Absent: it does not expire. */
  ttl: number | undefined
  /** The scopes of this server. */
  scopes: readonly string[]
}): SealedClients {
  const { keyring, sealer, now, ttl, scopes } = ports

  /** Derives the secret with the key that sealed the id, so that both survive a rotation equally long. */
  function secretOf(clientId: string): string {
    const keys = keyring.byId(clientId.slice(PREFIX.length, PREFIX.length + KEY_ID_LENGTH)) ?? keyring.current
    return mac(keys.key('client-secret'), [clientId])
  }

  function toClient(id: string, [name, redirectUris, method, refreshes, scope, , keys]: Sealed): Client {
    const authMethod: AuthMethod = AUTH_METHODS[method]!
    const metadata: ClientMetadata = {
      name: name ?? undefined,
      redirectUris,
      authMethod,
      refreshes: REFRESHES[refreshes] ?? false,
      scope: scope ?? undefined,
      ...(keys && { jwks: { keys } }),
    }
    const key = PREFIX + digest(id).slice(0, 22)
    const secrets = SECRET_METHODS.includes(authMethod) ? [secretOf(id)] : []
    return { ...registeredClient({ id, key }, metadata, scopes), secrets }
  }

  return {
    register(metadata) {
      const { name, redirectUris, authMethod, refreshes, scope, jwks } = metadata
      const issuedAt = now()
      const members: Members = [
        name ?? null,
        redirectUris,
        AUTH_METHODS.indexOf(authMethod),
        REFRESHES.indexOf(refreshes),
        scope ?? null,
        issuedAt,
      ]
      const sealed: Sealed = jwks ? [...members, jwks.keys] : members
      const id = PREFIX + sealer.seal('registration', 'client', sealed)
      if (id.length > MAX_ID) {
        const problem = 'redirect_uris, client_name, jwks and scope are too long together'
        throw new OAuthError('invalid_client_metadata', `The client metadata is invalid: ${problem}`, {
          reason: 'registration-too-long',
        })
      }
      const { key, secrets } = toClient(id, sealed)
      return {
        id,
        key,
        metadata,
        secret: secrets[0],
        issuedAt,
        expiresAt: ttl === undefined ? undefined : issuedAt + ttl,
      }
    },
    open(clientId) {
      if (!clientId.startsWith(PREFIX) || clientId.length > MAX_ID) return undefined
      const sealed = sealer.open('registration', 'client', clientId.slice(PREFIX.length)) as
        | Sealed
        | undefined
      if (!sealed || !(sealed[2] in AUTH_METHODS) || (ttl !== undefined && sealed[5] + ttl <= now()))
        return undefined
      return toClient(clientId, sealed)
    },
  }
}
