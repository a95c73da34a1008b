import * as v from 'valibot'
import { type Entries, type WithDefaults, whole } from '../validation/shape.ts'

/** Lifetimes, in seconds. */
export interface TokensOptions {
  /**
   * The lifetime of an access token. Some clients do not refresh: keep it near an hour.
   *
   * @default 3600
   */
  accessTokenTtl?: number | undefined
  /**
   * The lifetime of an authorization code, at most 600.
   *
   * @default 60
   */
  codeTtl?: number | undefined
  /**
   * The time without a refresh after which a grant expires.
   *
   * @default 2592000
   */
  refreshTtl?: number | undefined
  /**
   * The time for which a refresh token that was just replaced still returns the same successor, at most 600. With 0 a
   * second use ends the grant at once.
   *
   * @default 60
   */
  refreshGrace?: number | undefined
  /** The time after which a grant expires even if it is refreshed. Grants do not expire by default. */
  grantTtl?: number | undefined
  /**
   * The lifetime of a grant whose provider token expires and cannot be refreshed. By default the grant expires with that
   * token. For MCP servers that need only the identity: after the token has expired, `auth.upstream.accessToken()` throws
   * `access_denied`. It has no effect on servers with `forward: 'upstream-token'`.
   */
  identityTtl?: number | undefined
  /**
   * The time after which the provider is asked about a user again, at least 60. That happens when the client refreshes:
   * identity, groups and memberships are read again, and `allow` judges them. No access token lives longer. By default
   * `allow` judges at every refresh what was known at the sign-in.
   */
  revalidate?: number | undefined
  /**
   * The time that a sign-in may take, at most 3600.
   *
   * @default 600
   */
  signInTtl?: number | undefined
  /**
   * The time until another instance notices a revocation, at most 300. With 0 every request reads the store.
   *
   * @default 5
   */
  revocationLag?: number | undefined
}

const DEFAULTS = {
  accessTokenTtl: 3600,
  codeTtl: 60,
  refreshTtl: 2_592_000,
  refreshGrace: 60,
  signInTtl: 600,
  revocationLag: 5,
} as const

export type TokensSettings = WithDefaults<TokensOptions, typeof DEFAULTS>

export const tokensEntries: Entries<TokensOptions, TokensSettings> = {
  accessTokenTtl: v.optional(whole(1), DEFAULTS.accessTokenTtl),
  codeTtl: v.optional(whole(1, 600), DEFAULTS.codeTtl),
  refreshTtl: v.optional(whole(1), DEFAULTS.refreshTtl),
  refreshGrace: v.optional(whole(0, 600), DEFAULTS.refreshGrace),
  grantTtl: v.optional(whole(1)),
  identityTtl: v.optional(whole(1)),
  revalidate: v.optional(whole(60)),
  signInTtl: v.optional(whole(1, 3600), DEFAULTS.signInTtl),
  revocationLag: v.optional(whole(0, 300), DEFAULTS.revocationLag),
}
