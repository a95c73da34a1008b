/** Where in a JSON answer a value stands: names from the outside in, joined by dots, or a list where names hold dots. */
export type Pointer = string | readonly string[]

/** How the identity is read: where from, and which member is what. */
export interface IdentityMap {
  /**
   * The `id_token` alone, one `request`, or the `token` answer itself. Default: the ID token completed by userinfo
   * where one is used, a request else.
   */
  readonly from?: 'id_token' | 'request' | 'token' | undefined
  /** The request, where it is more than a GET of the userinfo endpoint. */
  readonly request?:
    | {
        readonly method?: 'GET' | 'POST' | undefined
        readonly headers?: Readonly<Record<string, string>> | undefined
        readonly body?: string | undefined
      }
    | undefined
  readonly subject: Pointer
  /** Where a subject is unique only within a tenant. */
  readonly tenant?: Pointer | undefined
  readonly email?: Pointer | undefined
  /** Without it no address counts as verified. */
  readonly emailVerified?: Pointer | undefined
  readonly name?: Pointer | undefined
  /** Where there is no such name. */
  readonly otherName?: Pointer | undefined
  /** The organisations somebody belongs to, one or several; with a `/` in it, a team. */
  readonly orgs?: Pointer | undefined
  /** What of the token answer is worth keeping as a claim, such as the base URL of the API. */
  readonly facts?: Readonly<Record<string, Pointer>> | undefined
}
