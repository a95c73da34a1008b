import type { SignedRule } from './access-token.ts'
import type { McpHandler } from './auth.ts'
import type { IdentityRule } from './identity.ts'
import type { InspectionSettings } from './mcp-rules.ts'
import type { UpstreamTokenRule } from './upstream-token.ts'

/** The information about the user that an MCP server receives. */
export type ForwardMode = 'identity' | 'upstream-token' | 'nothing'

/** One protected MCP server, as the endpoints use it. */
export interface Resource {
  /** Its public URL: clients connect to it, and tokens are bound to it. */
  readonly id: string
  readonly path: string
  readonly name: string
  readonly scopes: readonly string[]
  /** The scopes of a client that requests none. */
  readonly defaultScope: readonly string[]
  /** The scopes that at least one of its providers can give. */
  readonly offered: readonly string[]
  /** The ids of its providers; `undefined` for all. */
  readonly upstream: readonly string[] | undefined
  readonly forward: ForwardMode
  /** Session ids are sealed for one user and client. */
  readonly bindsSessions: boolean
  /** The rule for signed access tokens. Absent: tokens are sealed. */
  readonly signed: SignedRule | undefined
  /** The rules that need the body of a request. Absent: no body is read. */
  readonly inspection: InspectionSettings | undefined
  /** The rule for the signed identity. Absent: none is sent. */
  readonly identity: IdentityRule | undefined
  /** The rule for the token that is exchanged for the provider's. Absent: none is. */
  readonly exchange: UpstreamTokenRule | undefined
  readonly target:
    | { readonly url: URL }
    | { readonly handler: McpHandler }
    /** Tokens are issued for it, and clients reach it without this proxy. */
    | { readonly external: true }
  /** The URL of its metadata document. */
  readonly metadataUrl: string
}
