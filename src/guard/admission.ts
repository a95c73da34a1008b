import type { AuthFacts } from '../options/auth.ts'

/** The owner of a request that may pass, and how long that holds. */
export interface Admission {
  readonly auth: AuthFacts
  readonly clientName: string
  /** `<user>.<id>` of the grant. Absent for an API key. */
  readonly grant: string | undefined
  /** The id of the provider the user signed in at. Absent for an API key. */
  readonly provider: string | undefined
  /** The token's expiry, in seconds since the epoch. Absent for a key, which has none. */
  readonly expiresAt: number | undefined
  /** `true` for a caller without a token, at a server with public tools. Its `auth` names no one. */
  readonly isAnonymous?: true
  /**
   * Returns whether the token or key is still accepted. Reads the storage, or calls `verifyApiKey`, only if the last
   * result is too old.
   */
  stands(): boolean | Promise<boolean>
}
