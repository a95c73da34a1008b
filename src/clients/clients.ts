import type { ClientOptions } from '../config.ts'
import type { Client } from './client.ts'
import { createSealedClients, type SealedClients } from './sealed-clients.ts'

/** Everybody who may ask: configured clients first, then those that registered themselves. */
export interface Clients {
  find(clientId: string): Client | undefined
  /** `undefined` where registration is off. */
  readonly register: SealedClients['register'] | undefined
}

type SealedPorts = Parameters<typeof createSealedClients>[0]

export function createClients(
  configured: readonly ClientOptions[],
  ports: SealedPorts & { registers: boolean },
): Clients {
  const sealed = ports.registers ? createSealedClients(ports) : undefined
  const known = new Map(configured.map((options) => [options.clientId, toClient(options)]))
  return {
    find: (clientId) => known.get(clientId) ?? sealed?.open(clientId),
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
