/** Who signs in at an imitation. */
export interface Person {
  /** What was typed into its form. */
  readonly login: string
  /** An id of letters. */
  readonly id: string
  /** An id that is a number. */
  readonly number: number
  readonly name: string
  readonly email: string
}

export interface Reply {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One request, as the imitation got it. */
export interface Seen {
  readonly method: string
  /** Without the query, under the name of the host it was meant for. */
  readonly url: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly text: string
}

export type AuthKind = 'basic' | 'basic-raw' | 'post' | 'es256' | 'none'

/**
 * What one provider accepts and how it answers, written down from its documentation and not from our definition of
 * it: where the two disagree, a test fails. Everything that is not said here is as the specifications have it, strictly.
 */
export interface Profile {
  /** What it imitates: a page, or `assumed` for what nobody confirmed. */
  readonly source: string
  readonly authorize: string
  readonly token: string
  /** Where it refreshes, if not there. */
  readonly refresh?: string
  /** Where it takes RFC 7009 requests, or a bearer. */
  readonly revoke?: { readonly url: string; readonly style: 'rfc7009' | 'bearer'; readonly auth?: AuthKind }
  readonly auth: AuthKind
  /** Whether it needs a challenge, checks one that is sent, or refuses it. */
  readonly pkce: 'required' | 'checked' | 'refused'
  /** Under which name it takes scopes, and how they are divided; `false` where it takes none. */
  readonly scope?: false | { readonly param?: string; readonly separator?: string }
  /** Parameters without which it refuses. */
  readonly needs?: {
    readonly authorize?: Readonly<Record<string, string>>
    readonly exchange?: readonly string[]
    readonly refresh?: readonly string[]
    /** On every request that is not made by a browser. */
    readonly headers?: Readonly<Record<string, string>>
  }
  /** Parameters that it refuses at a refresh. */
  readonly refusesAtRefresh?: readonly string[]
  readonly body?: 'form' | 'json'
  /** Seconds; `null` where it does not say. */
  readonly ttl?: number | null
  /** `silent`: the same refresh token goes on and is not repeated. */
  readonly refreshes: 'never' | 'silent' | 'same' | 'rotates'
  /** Seconds that a refresh token that was used still works. */
  readonly grace?: number
  readonly refreshKillsAccess?: boolean
  /** Makes its own shape of a token answer. */
  readonly shape?: (
    answer: Readonly<Record<string, unknown>>,
    about: { person: Person; phase: 'exchange' | 'refresh' },
  ) => Record<string, unknown>
  readonly asForm?: boolean
  /** How it refuses at the token endpoint. */
  readonly refusal?: (error: string) => Reply
  /** As it names the end of a grant. */
  readonly deadGrant?: string
  /** Where it has OpenID Connect. */
  readonly openid?: {
    readonly discovery: string
    /** In ID tokens. */
    readonly issuer: string
    /** In its document, if another. */
    readonly documentIssuer?: string
    readonly claims?: (person: Person) => Record<string, unknown>
    /** Whether ID tokens come only where `openid` was asked for. */
    readonly always?: boolean
  }
  /** What it sends as `iss` on the callback. */
  readonly iss?: string
  readonly formPost?: boolean
  /** What it answers to those who have one of its access tokens; by `METHOD url`. */
  readonly api?: Readonly<Record<string, (person: Person, seen: Seen) => Reply>>
  /** What else it answers; by `METHOD url`. `ended` ends the sign-in that a token belongs to. */
  readonly routes?: Readonly<
    Record<
      string,
      (
        seen: Seen,
        about: { person: (token: string) => Person | undefined; end: (token: string) => boolean },
      ) => Reply
    >
  >
}
