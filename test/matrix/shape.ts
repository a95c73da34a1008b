import type { Place } from './gate.ts'

/**
 * What a client asks for while it looks for the authorization server. `challenge` is its first request to the
 * MCP server; the documents must be there, and every `probe` must be a plain 404.
 */
export type Look =
  | 'challenge'
  | 'resource at path'
  | 'resource at root'
  | 'server'
  | 'probe openid'
  | 'probe openid appended'
  | 'probe server appended'
  | 'probe resource appended'

/** How a client renews its token, as far as that has made servers stumble. */
export type RefreshHabit = 'once' | 'two at once' | 'after a lost answer' | 'never'

/** What a client sends, recorded: everything in which it differs from the next one. */
export interface Shape {
  readonly client: string
  readonly looks: readonly Look[]
  /** The body of its registration, as it sends it. */
  readonly registration: Readonly<Record<string, unknown>>
  /** What it publishes of itself, where it does: without its `client_id`, which is where it lies. */
  readonly document?: { readonly path: string; readonly content: Readonly<Record<string, unknown>> }
  /** Registers again this many milliseconds after the first time, and goes on with the second id. */
  readonly registersAgainAfter?: number
  /** The redirect URI of each sign-in: the second one follows when it signs in again. */
  readonly redirectUris: readonly [string, ...string[]]
  /** Absent: it sends none. */
  readonly scope?: string
  /** From the `resource` of the metadata, or the URL it was given. Absent: it sends none. */
  readonly resource?: (resource: string) => string
  readonly extra?: Readonly<Record<string, string>>
  /** The `Origin` of its pages, where it calls from a browser. */
  readonly origin?: string
  /** Sends the token request twice, both at once. */
  readonly redeemsTwice?: boolean
  /** Sends no `redirect_uri` with the code, as OAuth 2.1 has it. */
  readonly leavesOutRedirectUri?: boolean
  readonly refresh: RefreshHabit
  /** Ends its old tokens before it signs in again. */
  readonly revokes?: boolean
  /** Signs in again with the same client id, weeks later. */
  readonly signsInAgain?: boolean
  /** Where the proxy has to live; by default both at an origin and below a base path. */
  readonly places?: readonly Place[]
}

export const CURRENT: readonly Look[] = ['challenge', 'resource at path', 'server']
export const CODE_AND_REFRESH = ['authorization_code', 'refresh_token'] as const
export const asIs = (resource: string): string => resource
