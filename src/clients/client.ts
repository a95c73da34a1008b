import type { ClientKeys } from '../protocol/client-document.ts'
import type { AuthMethod } from '../protocol/client-metadata.ts'

/** A client as the endpoints see it, however it became known. */
export interface Client {
  readonly id: string
  /** Names it in grants, tokens and events: the id itself where that is short, else a digest of it. */
  readonly key: string
  readonly kind: 'configured' | 'registered' | 'document'
  /** As the client calls itself; only a configured client's name is vouched for. */
  readonly name: string
  /** Who published its metadata document, where it has one. */
  readonly host?: string
  readonly redirectUris: readonly string[]
  readonly authMethods: readonly AuthMethod[]
  /** Whether it may use the `client_credentials` grant. */
  readonly actsForItself?: boolean
  /** Whether it may use the `refresh_token` grant. */
  readonly refreshes: boolean
  readonly scope: readonly string[] | undefined
  /** The secrets it may show; empty for a public client. */
  readonly secrets: readonly string[]
  /** Digests of secrets it may show. */
  readonly secretHashes?: readonly string[]
  /** What it signs with, where it does. */
  readonly keys?: ClientKeys
}
