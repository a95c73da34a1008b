/** The place of a value in JSON: names from the outside in, joined by dots, or a list if a name contains a dot. */
export type Pointer = string | readonly string[]

/** The source of the identity, and the place of each of its parts. */
export interface IdentityMap {
  /**
   * The `id_token` alone, one `request`, or the `token` response itself. Default: the ID token completed by userinfo
   * if an ID token is used, else a request.
   */
  readonly from?: 'id_token' | 'request' | 'token' | undefined
  /** The request, if it is more than a GET of the userinfo endpoint. */
  readonly request?:
    | {
        readonly method?: 'GET' | 'POST' | undefined
        readonly headers?: Readonly<Record<string, string>> | undefined
        readonly body?: string | undefined
      }
    | undefined
  readonly subject: Pointer
  /** The tenant, if a subject is unique only within it. */
  readonly tenant?: Pointer | undefined
  readonly email?: Pointer | undefined
  /** The place of an address if there is none at `email`. */
  readonly otherEmail?: Pointer | undefined
  /** Without it no address counts as verified. `true` if the provider gives only verified addresses. */
  readonly emailVerified?: Pointer | true | undefined
  /** The only domains for whose addresses `emailVerified` counts: those of a claim, and fixed ones. */
  readonly emailDomains?: { readonly claim?: Pointer; readonly fixed?: readonly string[] } | undefined
  readonly name?: Pointer | undefined
  /** The place of a name if there is none at `name`. */
  readonly otherName?: Pointer | undefined
  /** The user's organizations: texts, lists of texts, or objects whose keys are the names. One with a `/` is a team. */
  readonly orgs?: readonly Pointer[] | undefined
  /** The user's groups and roles, in the same forms. */
  readonly groups?: readonly Pointer[] | undefined
  /** Parts of the token response to keep as claims, such as the base URL of the API. */
  readonly facts?: Readonly<Record<string, Pointer>> | undefined
}
