import { type ClientMetadata, SECRET_METHODS } from '../protocol/client-metadata.ts'
import { parseScope } from '../protocol/scope.ts'
import { type Client, signInGrantTypes } from './client.ts'

/** A registration as its client may see it. */
export interface Registration {
  readonly id: string
  /** The client's name in events. */
  readonly key: string
  readonly metadata: ClientMetadata
  /** Seconds since the epoch. */
  readonly issuedAt: number
  /** Seconds since the epoch. Absent: it does not expire. */
  readonly expiresAt: number | undefined
  /** Present only if it was just created, because it cannot be read again. */
  readonly secret?: string | undefined
  /** The token by which the client reads, changes and deletes its registration. */
  readonly accessToken?: string | undefined
}

/**
 * Returns the client of a registration, without secrets.
 *
 * @param scopes The scopes of this server. A client that registered none of them may have all.
 */
export function registeredClient(
  { id, key }: { readonly id: string; readonly key: string },
  { name, redirectUris, authMethod, refreshes, scope, jwks }: ClientMetadata,
  scopes: readonly string[],
): Client {
  return {
    id,
    key,
    kind: 'registered',
    name: name ?? 'An app without a name',
    redirectUris,
    authMethods: SECRET_METHODS.includes(authMethod) ? SECRET_METHODS : [authMethod],
    grantTypes: signInGrantTypes(refreshes),
    refreshes,
    scope: knownScopes(scope, scopes),
    secrets: [],
    ...(jwks && { keys: { jwks } }),
  }
}

/** Returns the scopes of a client's metadata that exist here, or `undefined` if none does. */
export function knownScopes(scope: string | undefined, scopes: readonly string[]): string[] | undefined {
  const known = parseScope(scope).filter((item) => scopes.includes(item))
  return known.length > 0 ? known : undefined
}
