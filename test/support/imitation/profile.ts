/** The user who signs in at an imitation. */
export interface Person {
  /** The text that was typed into its form. */
  readonly login: string
  /** An id of letters. */
  readonly id: string
  /** A numeric id. */
  readonly number: number
  readonly name: string
  readonly email: string
}

export interface Reply {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One request, as the imitation received it. */
export interface Seen {
  readonly method: string
  /** Without the query, with the host that it was meant for. */
  readonly url: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly text: string
}

/**
 * Client authentication: `basic` decodes the credentials, `basic-raw` does not. `basic-either` accepts only what both
 * kinds of server accept, for vendors of which nobody knows. `key-as-user` is Basic with the secret as user name.
 */
export type AuthKind = 'basic' | 'basic-raw' | 'basic-either' | 'key-as-user' | 'post' | 'es256' | 'none'

/** The consequence that a refusal must have. */
export type Means = 'final' | 'transient' | 'configuration'

/** One refusal of a refresh, as the vendor sends it. */
export interface Refusal {
  readonly reply: Reply
  readonly means: Means
  /** Its source: a page, a file of a public repository, or `assumed`. */
  readonly source: string
}

/** The sources of an imitation. Each is a page, a file of a public repository, or begins with `assumed`. */
export interface Sources {
  /** Its metadata document; absent if the vendor's is not used. */
  readonly documents?: string
  /** Its token responses. */
  readonly tokens: string
  /** Its refusals. */
  readonly errors: string
  /** Its userinfo response or the claims of its ID tokens. */
  readonly identity: string
}

/**
 * One provider's behaviour, written down from its documents and captures and not from our definition: if the two
 * disagree, a test fails. Everything that is not said here follows the specifications strictly.
 */
export interface Profile {
  readonly sources: Sources
  readonly authorize: string
  readonly token: string
  /** The endpoint that refreshes, if another. */
  readonly refresh?: string
  /** Its revocation endpoint. */
  readonly revoke?: {
    readonly url: string
    readonly style: 'rfc7009' | 'bearer'
    readonly auth?: AuthKind
    /** It ends every sign-in of the user at this application. */
    readonly ends?: 'authorization'
    readonly method?: 'POST' | 'DELETE'
    /** The only parameters that it accepts, besides those of client authentication. */
    readonly only?: readonly string[]
    /** Its response for a token that has ended before. Default: as for any other. */
    readonly over?: Reply
  }
  readonly auth: AuthKind
  /** It needs a challenge, checks one that is sent, or refuses it. */
  readonly pkce: 'required' | 'checked' | 'refused'
  /** The parameter of the scopes and their separator; `false` if it accepts none. */
  readonly scope?:
    | false
    | { readonly param?: string; readonly separator?: string; readonly allowed?: readonly string[] }
  /** Required parameters. */
  readonly needs?: {
    readonly authorize?: Readonly<Record<string, string>>
    readonly exchange?: readonly string[]
    readonly refresh?: readonly string[]
    /** Required headers of every request that is not made by a browser. */
    readonly headers?: Readonly<Record<string, string>>
  }
  /** Parameters that it refuses at the code exchange. */
  readonly refusesAtExchange?: readonly string[]
  /** Parameters that it refuses at a refresh. */
  readonly refusesAtRefresh?: readonly string[]
  readonly body?: 'form' | 'json'
  /** Seconds; `null` if it does not say. */
  readonly ttl?: number | null
  /** `silent`: the same refresh token stays valid and is not repeated. */
  readonly refreshes: 'never' | 'silent' | 'same' | 'rotates'
  /** Seconds for which a used refresh token still works. */
  readonly grace?: number
  readonly refreshKillsAccess?: boolean
  /** A second use of a refresh token is refused, but does not end the sign-in. */
  readonly toleratesReuse?: boolean
  /** Its shape of a token response. */
  readonly shape?: (
    answer: Readonly<Record<string, unknown>>,
    about: { person: Person; phase: 'exchange' | 'refresh' },
  ) => Record<string, unknown>
  readonly asForm?: boolean
  /** Its shape of a refusal at the token endpoint. */
  readonly refusal?: (error: string) => Reply
  /** Its refusal of a refresh token that has ended. Default: `invalid_grant`. */
  readonly dead?: Reply
  /** Further refusals of a refresh that the vendor documents. */
  readonly refusals?: readonly Refusal[]
  /** Makes an access token from a random id. Default: an opaque one. */
  readonly accessToken?: (id: string, person: Person, now: number) => string
  /** The header that carries the access token to its API. Default: a bearer. */
  readonly tokenHeader?: string
  /** Further parameters of the authorization response. */
  readonly callback?: (answer: URLSearchParams) => void
  /** Its OpenID Connect, if it has it. */
  readonly openid?: {
    /** The URL of its document. */
    readonly discovery: string
    /** Its document as captured. Without one, the imitation writes one. */
    readonly document?: Readonly<Record<string, unknown>>
    /** In ID tokens. */
    readonly issuer: string
    /** In its document, if another. */
    readonly documentIssuer?: string
    readonly claims?: (person: Person) => Record<string, unknown>
    /** The scopes in the document that the imitation writes. Default: the usual ones and `offline_access`. */
    readonly scopes?: readonly string[]
    /** Sends an ID token even if `openid` was not requested. */
    readonly always?: boolean
  }
  /** The value of `iss` on the callback. */
  readonly iss?: string
  readonly formPost?: boolean
  /** Its API for requests with an access token, by `METHOD url`. */
  readonly api?: Readonly<Record<string, (person: Person, seen: Seen) => Reply>>
  /** Its other endpoints, by `METHOD url`. `end` ends the sign-in that a token belongs to. */
  readonly routes?: Readonly<
    Record<
      string,
      (
        seen: Seen,
        about: {
          person: (token: string) => Person | undefined
          end: (token: string) => boolean
          issued: () => readonly string[]
        },
      ) => Reply
    >
  >
}
