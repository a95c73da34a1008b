import type { McpHandler } from './auth.ts'

/** The parts of a user's identity that an MCP server is told. */
export type ForwardMode = 'identity' | 'upstream-token' | 'nothing'

/** One protected MCP server, as the endpoints use it. */
export interface Resource {
  /** Its URL: what clients type, what tokens are bound to. */
  readonly id: string
  readonly path: string
  readonly name: string
  readonly scopes: readonly string[]
  /** The scopes of a client that requests none. */
  readonly defaultScope: readonly string[]
  /** The ids of its providers, if it does not have all. */
  readonly upstream: readonly string[] | undefined
  readonly forward: ForwardMode
  readonly target: { readonly url: URL } | { readonly handler: McpHandler }
  /** URL of its metadata document. */
  readonly metadataUrl: string
}
