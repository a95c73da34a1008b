import type { ClientOptions } from '../options/options.ts'
import type { Fetch, Outbound, Store } from '../ports.ts'
import type { ClientKeys } from '../protocol/client-document.ts'
import type { ClientMetadata } from '../protocol/client-metadata.ts'
import type { DocumentPolicy } from '../protocol/document-url.ts'
import type { Client } from './client.ts'
import { keysUnavailable, verifyAssertion } from './client-assertion.ts'
import { createClientKeys } from './client-keys.ts'
import { createDocumentClients, type DocumentClients } from './document-clients.ts'
import { createSealedClients } from './sealed-clients.ts'
import { createStoredClients, type Registration, type StoredClients } from './stored-clients.ts'

/** Everybody who may ask: configured clients first, then those that registered themselves. */
export interface Clients {
  /** A client that is known without asking anybody. */
  find(clientId: string): Promise<Client | undefined>
  /**
   * Checks a client's signed assertion.
   *
   * @throws {OAuthError} `invalid_client`, or `temporarily_unavailable` where its keys cannot be had.
   */
  verify(assertion: string, client: Client): Promise<void>
  /** `undefined` where no documents are accepted. */
  readonly documents: DocumentClients | undefined
  /** `undefined` where registration is off. */
  readonly register: ((metadata: ClientMetadata) => Promise<Registration>) | undefined
  /** Registrations that can be changed; `undefined` where none are stored. */
  readonly stored: StoredClients | undefined
}

type SealedPorts = Parameters<typeof createSealedClients>[0]

export function createClients(
  configured: readonly ClientOptions[],
  ports: SealedPorts & {
    registration: 'sealed' | 'stored' | 'off'
    /** `undefined` where this runtime has no safe way to fetch what strangers name. */
    outbound: Outbound | undefined
    issuer: string
    store: Store
    /** For keys of configured clients. */
    fetch: Fetch
    /** `undefined` turns documents off. */
    documents: DocumentPolicy | undefined
  },
): Clients {
  const { outbound, documents: policy, now, scopes } = ports
  const { registration } = ports
  const sealed = registration === 'off' ? undefined : createSealedClients(ports)
  const stored = registration === 'stored' ? createStoredClients(ports) : undefined
  const known = new Map(configured.map((options) => [options.clientId, toClient(options)]))
  const documents = outbound && policy && createDocumentClients({ outbound, policy, now, scopes })
  const keysOf = createClientKeys({ fetch: ports.fetch, outbound, loopback: policy?.loopback ?? false, now })

  /** A document's keys are its current ones: they change, while the grant lasts. How to prove oneself does not. */
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

const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'] as const

function toClient(options: ClientOptions): Client {
  const { clientSecret: secret, jwks, jwksUri } = options
  const keys = jwks || jwksUri !== undefined ? { jwks, jwksUri } : undefined
  return {
    id: options.clientId,
    key: options.clientId,
    kind: 'configured',
    actsForItself: options.clientCredentials === true,
    name: options.name ?? options.clientId,
    redirectUris: options.redirectUris,
    authMethods: keys ? ['private_key_jwt'] : secret === undefined ? ['none'] : SECRET_METHODS,
    refreshes: true,
    scope: options.scopes,
    secrets: secret === undefined ? [] : [secret],
    ...(keys && { keys }),
  }
}
