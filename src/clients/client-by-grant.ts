import type { Grant } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import { invalidGrant } from '../refusals.ts'
import { type Client, signInGrantTypes } from './client.ts'
import type { Clients } from './clients.ts'

/** A grant whose code or token came with a request. */
export interface ShownGrant {
  readonly key: GrantKey
  /** Tells whether the code or token was really issued for this grant. */
  isReal(grant: Grant): boolean
}

/**
 * Finds the client of a request to the token or revocation endpoint. A client with a metadata document is identified by
 * the grant it presents, so that an unauthenticated request never causes a fetch.
 *
 * @param show Returns the grant that the request presents.
 * @throws {OAuthError} `invalid_grant` if such a client presents no grant of its own.
 */
export async function findClient(
  { clients, grants }: { readonly clients: Clients; readonly grants: Grants },
  clientId: string,
  show: () => ShownGrant | undefined,
): Promise<Client | undefined> {
  const known = await clients.find(clientId)
  if (known || !clients.documents?.accepts(clientId)) return known
  const shown = show()
  const grant = shown && (await grants.find(shown.key))?.grant
  if (!grant?.clientAuth || grant.client !== clientId || !shown?.isReal(grant))
    throw invalidGrant('grant-not-found')
  return {
    id: clientId,
    key: clientId,
    kind: 'document',
    name: grant.clientName,
    redirectUris: [],
    authMethods: grant.clientAuth,
    grantTypes: signInGrantTypes(grant.refreshes),
    refreshes: grant.refreshes,
    scope: undefined,
    secrets: [],
  }
}
