import type { ClientOptions } from '../config.ts'
import type { Outbound } from '../ports.ts'
import type { DocumentPolicy } from '../protocol/document-url.ts'
import type { Client } from './client.ts'
import { createDocumentClients, type DocumentClients } from './document-clients.ts'
import { createSealedClients, type SealedClients } from './sealed-clients.ts'

/** Everybody who may ask: configured clients first, then those that registered themselves. */
export interface Clients {
  /** A client that is known without asking anybody. */
  find(clientId: string): Promise<Client | undefined>
  /** `undefined` where no documents are accepted. */
  readonly documents: DocumentClients | undefined
  /** `undefined` where registration is off. */
  readonly register: SealedClients['register'] | undefined
}

type SealedPorts = Parameters<typeof createSealedClients>[0]

export function createClients(
  configured: readonly ClientOptions[],
  ports: SealedPorts & {
    registers: boolean
    /** `undefined` where this runtime has no safe way to fetch what strangers name. */
    outbound: Outbound | undefined
    /** `undefined` turns documents off. */
    documents: DocumentPolicy | undefined
  },
): Clients {
  const { outbound, documents: policy, now, scopes } = ports
  const sealed = ports.registers ? createSealedClients(ports) : undefined
  const known = new Map(configured.map((options) => [options.clientId, toClient(options)]))
  return {
    find: async (clientId) => known.get(clientId) ?? sealed?.open(clientId),
    documents: outbound && policy && createDocumentClients({ outbound, policy, now, scopes }),
    register: sealed?.register,
  }
}

function toClient(options: ClientOptions): Client {
  const secret = options.clientSecret
  return {
    id: options.clientId,
    key: options.clientId,
    kind: 'configured',
    name: options.name ?? options.clientId,
    redirectUris: options.redirectUris,
    authMethods: secret === undefined ? ['none'] : ['client_secret_basic', 'client_secret_post'],
    refreshes: true,
    scope: options.scopes,
    secrets: secret === undefined ? [] : [secret],
  }
}
