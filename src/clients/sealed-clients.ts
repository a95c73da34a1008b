import { digest, mac } from '../crypto/digest.ts'
import { KEY_ID_LENGTH, type Keyring } from '../crypto/keyring.ts'
import type { Sealer } from '../crypto/seal.ts'
import { OAuthError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { AUTH_METHODS, type AuthMethod, type ClientMetadata } from '../protocol/client-metadata.ts'
import { parseScope } from '../protocol/scope.ts'
import type { Client } from './client.ts'
import type { Registration } from './stored-clients.ts'

/** Dynamic registration without a record: the client id is its own registration, sealed. */
export interface SealedClients {
  /** @throws {OAuthError} `invalid_client_metadata` where the id would not fit into a URL. */
  register(metadata: ClientMetadata): Registration
  open(clientId: string): Client | undefined
}

const PREFIX = 'dcr-'
/** A client id travels in URLs, beside a `state` of the client's. */
const MAX_ID = 4096

/** [name, redirect URIs, index of the auth method, refreshes, scope, issued at]: short, since it travels. */
type Sealed = readonly [string | null, readonly string[], number, 0 | 1, string | null, number]

/**
 * @see [RFC 7591 §A.5.2](https://www.rfc-editor.org/rfc/rfc7591#appendix-A.5.2) for stateless registration
 */
export function createSealedClients(ports: {
  keyring: Keyring
  sealer: Sealer
  now: Clock
  /** Seconds; absent means for ever. */
  ttl: number | undefined
  /** Scopes that exist. */
  scopes: readonly string[]
}): SealedClients {
  const { keyring, sealer, now, ttl, scopes } = ports

  /** Derived with the secret that sealed the id, so that it survives rotation exactly as long as the id does. */
  function secretOf(clientId: string): string {
    const keys = keyring.byId(clientId.slice(PREFIX.length, PREFIX.length + KEY_ID_LENGTH)) ?? keyring.current
    return mac(keys.key('client-secret'), [clientId])
  }

  function toClient(id: string, [name, redirectUris, method, refreshes, scope]: Sealed): Client {
    const authMethod: AuthMethod = AUTH_METHODS[method] ?? 'none'
    const known = parseScope(scope ?? undefined).filter((item) => scopes.includes(item))
    return {
      id,
      key: PREFIX + digest(id).slice(0, 22),
      kind: 'registered',
      name: name ?? 'An application without a name',
      redirectUris,
      authMethods: [authMethod],
      refreshes: refreshes === 1,
      scope: known.length > 0 ? known : undefined,
      secrets: authMethod === 'none' ? [] : [secretOf(id)],
    }
  }

  return {
    register(metadata) {
      const { name, redirectUris, authMethod, refreshes, scope } = metadata
      const issuedAt = now()
      const method = AUTH_METHODS.indexOf(authMethod)
      const sealed: Sealed = [name ?? null, redirectUris, method, refreshes ? 1 : 0, scope ?? null, issuedAt]
      const id = PREFIX + sealer.seal('registration', 'client', sealed)
      if (id.length > MAX_ID) {
        throw new OAuthError('invalid_client_metadata', 'The client metadata is too long', {
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
      if (!sealed || (ttl !== undefined && sealed[5] + ttl <= now())) return undefined
      return toClient(clientId, sealed)
    },
  }
}
