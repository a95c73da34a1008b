import type { ClientOptions } from '../options/options.ts'
import type { Fetch, KeepAlive, Outbound, Store } from '../ports.ts'
import { type ClientMetadata, SECRET_METHODS } from '../protocol/client-metadata.ts'
import type { DocumentPolicy } from '../protocol/document-url.ts'
import type { ClientKeys } from '../protocol/key-set.ts'
import type { ProvenClient } from './authenticate-client.ts'
import { type Client, signInGrantTypes } from './client.ts'
import { keysUnavailable, verifyAssertion } from './client-assertion.ts'
import { createClientKeys } from './client-keys.ts'
import { createDocumentClients, type DocumentClients } from './document-clients.ts'
import type { Registration } from './registration.ts'
import { createSealedClients } from './sealed-clients.ts'
import { createStoredClients, type StoredClients } from './stored-clients.ts'

/** All clients: configured ones first, then those that registered themselves. */
export interface Clients {
  /** Returns a client that is known without fetching anything. */
  find(clientId: string): Promise<Client | undefined>
  /**
   * Checks a client's signed assertion.
   *
   * @throws {OAuthError} `invalid_client`, or `temporarily_unavailable` if its keys are unavailable.
   */
  verify(assertion: string, client: Client): Promise<ProvenClient['spend']>
  /** Absent if metadata documents are not accepted. */
  readonly documents: DocumentClients | undefined
  /** Absent if registration is off. */
  readonly register: ((metadata: ClientMetadata) => Promise<Registration>) | undefined
  /** Registrations that can be changed. Absent if none are stored. */
  readonly stored: StoredClients | undefined
}

type SealedPorts = Parameters<typeof createSealedClients>[0]

export function createClients(
  configured: readonly ClientOptions[],
  ports: SealedPorts & {
    registration: 'sealed' | 'stored' | 'off'
    /** Absent on a runtime without a safe way to fetch addresses that clients name. */
    outbound: Outbound | undefined
    keepAlive?: KeepAlive | undefined
    /** The accepted audiences of client assertions. */
    audiences: readonly string[]
    store: Store
    /** Fetches the keys of configured clients. */
    fetch: Fetch
    /** Absent if metadata documents are off. */
    documents: DocumentPolicy | undefined
  },
): Clients {
  const { outbound, keepAlive, documents: policy, now, scopes } = ports
  const { registration } = ports
  const sealed = registration === 'off' ? undefined : createSealedClients(ports)
  const stored = registration === 'stored' ? createStoredClients(ports) : undefined
  const known = new Map(configured.map((options) => [options.clientId, toClient(options)]))
  const documents = outbound && policy && createDocumentClients({ outbound, policy, now, keepAlive, scopes })
  const keysOf = createClientKeys({
    fetch: ports.fetch,
    outbound,
    loopback: policy?.loopback ?? false,
    now,
    keepAlive,
  })

  /** Returns the current keys. Those of a document may change during a grant, unlike its authentication methods. */
  async function currentKeys(client: Client): Promise<ClientKeys> {
    if (client.kind !== 'document') return client.keys ?? {}
    const current = await documents?.load(client.id).catch((cause) => {
      throw keysUnavailable(cause)
    })
    return current?.keys ?? {}
  }

  return {
    find: async (clientId) => known.get(clientId) ?? (await stored?.find(clientId)) ?? sealed?.open(clientId),
    documents,
    verify: async (assertion, client) =>
      verifyAssertion(assertion, client, keysOf(client, await currentKeys(client)), ports),
    register: stored?.register ?? (sealed && (async (metadata) => sealed.register(metadata))),
    stored,
  }
}

function toClient(options: ClientOptions): Client {
  const { clientSecret: secret, jwks, jwksUri } = options
  const keys = jwks || jwksUri !== undefined ? { jwks, jwksUri } : undefined
  return {
    id: options.clientId,
    key: options.clientId,
    kind: 'configured',
    grantTypes: [...signInGrantTypes(true), ...(options.clientCredentials ? ['client_credentials'] : [])],
    name: options.name ?? options.clientId,
    redirectUris: options.redirectUris,
    authMethods: keys ? ['private_key_jwt'] : secret === undefined ? ['none'] : SECRET_METHODS,
    refreshes: true,
    scope: options.scopes,
    secrets: secret === undefined ? [] : [secret],
    ...(keys && { keys }),
  }
}
