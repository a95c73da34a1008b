import { OAuthError } from '../errors.ts'
import type { Grant } from '../grants/grant.ts'
import type { GrantKey } from '../grants/grant-key.ts'
import type { Grants } from '../grants/grants.ts'
import type { Client } from './client.ts'
import type { Clients } from './clients.ts'

/** A grant whose code or token came with a request. */
export interface ShownGrant {
  readonly key: GrantKey
  /** Tells whether the code or token was really issued for this grant. */
  isReal(grant: Grant): boolean
}

/**
 * Returns a function that finds the client of a request to the token or revocation endpoint. A client with a metadata
 * document is identified by the grant it presents, so that an unauthenticated request never causes a fetch.
 *
 * @throws {OAuthError} `invalid_grant` if such a client presents no grant of its own.
 */
export function clientFinder(
  { clients, grants }: { readonly clients: Clients; readonly grants: Grants },
  show: () => ShownGrant | undefined,
): (clientId: string) => Promise<Client | undefined> {
  return async (clientId) => {
    const known = await clients.find(clientId)
    if (known || !clients.documents?.accepts(clientId)) return known
    const shown = show()
    const loaded = shown && (await grants.change(shown.key, (grant) => ({ type: 'keep', result: grant })))
    const grant = loaded?.type === 'done' && shown?.isReal(loaded.result) ? loaded.result : undefined
    if (grant?.client !== clientId || !grant.clientAuth) {
      throw new OAuthError('invalid_grant', 'The grant is invalid, expired or was issued to another client', {
        reason: 'grant-over',
      })
    }
    return {
      id: clientId,
      key: clientId,
      kind: 'document',
      name: grant.clientName,
      redirectUris: [],
      authMethods: grant.clientAuth,
      refreshes: grant.refreshes,
      scope: undefined,
      secrets: [],
    }
  }
}
