import type { AuthMethod, Refreshes } from '../protocol/client-metadata.ts'
import type { ClientKeys } from '../protocol/key-set.ts'

/** A client as the endpoints see it, by whichever way it became known. */
export interface Client {
  readonly id: string
  /** The client's name in grants, tokens and events: its id, or a digest of a long id. */
  readonly key: string
  readonly kind: 'configured' | 'registered' | 'document' | 'workload'
  /** The name that the client gives itself. Only the name of a configured client is verified. */
  readonly name: string
  readonly redirectUris: readonly string[]
  /** The methods by which it may authenticate. */
  readonly authMethods: readonly AuthMethod[]
  /** The grant types that it may use at the token endpoint. */
  readonly grantTypes: readonly string[]
  /** The rule about refresh tokens of this client. */
  readonly refreshes: Refreshes
  /** The scopes that it may have. Absent: all. */
  readonly scope: readonly string[] | undefined
  /** Accepted secrets. Empty for a public client. */
  readonly secrets: readonly string[]
  /** Digests of accepted secrets. */
  readonly secretHashes?: readonly string[]
  /** The keys that it signs assertions with. */
  readonly keys?: ClientKeys
}

/** Returns the grant types of a client that users sign in to. */
export const signInGrantTypes = (refreshes: Refreshes): readonly string[] =>
  refreshes === false ? ['authorization_code'] : ['authorization_code', 'refresh_token']
