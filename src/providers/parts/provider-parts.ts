import type { Fetch, Identity, UpstreamTokens } from '../../ports.ts'
import type { IdentityMap, Pointer } from './identity-map.ts'
import type { IssuerRule } from './issuer.ts'
import type { RefreshErrorRule } from './refresh-errors.ts'
import type { MeetableRules } from './rule-names.ts'

/** The method by which the proxy authenticates at the provider. */
export type ClientAuthMethod = 'client_secret_basic' | 'client_secret_post' | 'none'

/** A token response: input and output of `conformToken`. */
export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly phase?: 'exchange' | 'refresh' | undefined
}

/** One request to the provider before it is sent. `body` and `headers` may be changed. */
export interface ClientRequest {
  readonly endpoint: 'token' | 'refresh' | 'revocation' | 'pushed-authorization'
  readonly body: URLSearchParams
  readonly headers: Headers
  /** Seconds since the epoch. */
  readonly now: number
}

/** The application at the provider, as hooks get it. */
export interface RegisteredApplication {
  readonly id: string
  readonly secret: string | undefined
}

/** The differences of a token response from RFC 6749 §5. */
export interface AnswerShape {
  /** The object that holds the tokens. Other members stay where they are. */
  readonly tokens?: Pointer | undefined
  /** The place of the error code, as a path with dots. The first of several that holds a text counts. */
  readonly error?: string | readonly string[] | undefined
  /** The value that `token_type` should have. */
  readonly tokenType?: string | undefined
  /** The place of the granted scopes. Default: `scope`. */
  readonly scope?: Pointer | undefined
  /** The separator of the granted scopes. Default: that of the request. */
  readonly scopeSeparator?: string | undefined
}

/** The way in which the provider revokes tokens. */
export interface Revocation {
  /** RFC 7009, a POST with the access token as bearer, or no revocation. */
  readonly style: 'rfc7009' | 'bearer' | 'none'
  /** The only kind of token that the endpoint accepts. */
  readonly only?: 'refresh_token' | 'access_token' | undefined
  /** Accepts any response of an undocumented endpoint. */
  readonly lenient?: boolean | undefined
  /**
   * The effect of one revocation: it ends this token and those derived from it, or the user's whole authorization
   * of the application. With `authorization`, only the user's last grant revokes. Default: `token`.
   */
  readonly ends?: 'token' | 'authorization' | undefined
  /** The endpoint, relative to the token endpoint, if the metadata document does not name it. */
  readonly path?: string | undefined
  /** Error codes that say that the token has expired or is revoked already. `invalid_token` always does. */
  readonly over?: readonly string[] | undefined
}

/** The way in which the provider names memberships. */
export interface Memberships {
  /** Scopes to request. */
  readonly scopes?: readonly string[] | undefined
  /** Scopes to request if the provider's metadata lists them. */
  readonly optionalScopes?: readonly string[] | undefined
  /** The userinfo response has more than the ID token. */
  readonly userinfo?: boolean | undefined
  /** One more GET with the access token, and the place of the organizations in its response. */
  readonly request?: { readonly url: string; readonly orgs: Pointer } | undefined
}

/** A definition's differences from the specifications. Each part has a default that follows them. */
export interface ProviderParts {
  /** The name that users see, if it depends on the options. */
  readonly name?: string | undefined
  /**
   * The provider's issuer identifier, in ID tokens and in `iss` on the callback. With a `template` rule it contains a
   * placeholder. Without one, the origin of the token endpoint identifies the provider and `iss` is not compared.
   */
  readonly issuer?: string | undefined
  readonly issuerRule?: IssuerRule | undefined
  /**
   * Compares `iss` on the callback: `if-known`, the default, if the definition has an issuer. It is always compared
   * if an ID token is used.
   */
  readonly callbackIssuer?: 'enforce' | 'if-known' | 'ignore' | undefined
  /** Reads the endpoints from a metadata document, below the issuer or at `url`. Given endpoints take precedence. */
  readonly discovery?: boolean | { readonly url: string } | undefined
  readonly endpoints?:
    | {
        readonly authorization?: string | undefined
        readonly token?: string | undefined
        /** The endpoint that refreshes tokens, if it is not the token endpoint. */
        readonly refresh?: string | undefined
        readonly revocation?: string | undefined
        readonly userinfo?: string | undefined
        readonly jwks?: string | undefined
      }
    | undefined
  /** Default: `client_secret_basic`, or with discovery the first of basic and post that the provider lists. */
  readonly clientAuth?: ClientAuthMethod | undefined
  /** The method of one endpoint that needs another. */
  readonly endpointAuth?: Partial<Readonly<Record<ClientRequest['endpoint'], ClientAuthMethod>>> | undefined
  /** The audience of an assertion that proves the application. Default: `issuer`. */
  readonly assertionAudience?: 'issuer' | 'token-endpoint' | undefined
  /** `raw` for servers that do not decode the credentials of `client_secret_basic` (RFC 6749 §2.3.1). */
  readonly basicEncoding?: 'rfc6749' | 'raw' | undefined
  readonly scopes?: readonly string[] | undefined
  /** Scopes that are requested only if the provider's metadata lists them. */
  readonly optionalScopes?: readonly string[] | undefined
  /** The parameter of the authorization request that carries the scopes. */
  readonly scopeParam?: string | undefined
  readonly scopeSeparator?: string | undefined
  /** The meaning of scopes for users: `read your repositories`. Those of OpenID Connect are known. */
  readonly scopeWords?: Readonly<Record<string, string>> | undefined
  /** Scopes that contain others, if a response names only the wider one. */
  readonly scopeImplies?: Readonly<Record<string, readonly string[]>> | undefined
  /**
   * Scopes name an API by a prefix; names without one belong to `base`. One token serves one API: `optional` scopes of
   * the definition are left out if another API is requested.
   */
  readonly scopeApi?: { readonly base: string; readonly optional: readonly string[] } | undefined
  /** `false` if scopes are fixed at the registered application. */
  readonly sendScope?: boolean | undefined
  /** `true` if any person can create an account at the provider. Then only `allow` restricts access. */
  readonly publicAccounts?: boolean | undefined
  /** Expects an ID token. Default: if `openid` is among the scopes. */
  readonly idToken?: boolean | undefined
  readonly nonce?: boolean | undefined
  /** Sends `prompt=consent` with `offline_access` (OpenID Connect Core §11). */
  readonly offlineConsent?: boolean | undefined
  /**
   * The `prompt` with which the provider lets the user choose another account (OpenID Connect Core §3.1.2.1). Default:
   * `login` if it issues ID tokens. `false` if it has none.
   */
  readonly accountPrompt?: 'select_account' | 'login' | false | undefined
  readonly responseMode?: 'query' | 'form_post' | undefined
  readonly pkce?: boolean | undefined
  /** Further parameters of the authorization request. */
  readonly params?: Readonly<Record<string, string>> | undefined
  /** Further parameters of the code exchange. */
  readonly tokenParams?: Readonly<Record<string, string>> | undefined
  /** Further parameters of a refresh. */
  readonly refreshParams?: Readonly<Record<string, string>> | undefined
  /** Repeats the scope at the code exchange. */
  readonly exchangeScope?: 'same' | 'omit' | undefined
  /** Repeats the scope at a refresh. */
  readonly refreshScope?: 'same' | 'omit' | undefined
  /** Repeats the redirect URI at a refresh. */
  readonly refreshRedirectUri?: boolean | undefined
  /** The format of requests with client authentication. */
  readonly requestBody?: 'form' | 'json' | undefined
  /** Headers of every request to the provider that does not have them already. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly answer?: AnswerShape | undefined
  /** Differences of the authorization response. */
  readonly callback?:
    | {
        /** Further parameters that `identify` gets. The browser controls them, so `identify` must verify each. */
        readonly params?: readonly string[] | undefined
        /** Checks the signature of the response before its code is sent. Returns `false` to refuse it. */
        readonly verify?:
          | ((params: URLSearchParams, client: RegisteredApplication) => Promise<boolean>)
          | undefined
      }
    | undefined
  /**
   * The source of the access token's expiry: `expires_in`, or with `jwt` the token's `exp` and then `expires_in`.
   * `fallback`, in seconds, without one.
   */
  readonly expiry?: { readonly from?: 'expires_in' | 'jwt'; readonly fallback?: number } | undefined
  /** The refresh tokens: a refresh never, sometimes or always replaces them. */
  readonly rotation?: 'never' | 'maybe' | 'always' | undefined
  /** A refresh invalidates the previous access token. */
  readonly refreshKillsAccess?: boolean | undefined
  /** The meaning of refused refreshes, in order. Common rules follow; a refusal without a rule is transient. */
  readonly refreshErrors?: readonly RefreshErrorRule[] | undefined
  /** The number of sign-ins that the provider keeps for each user and application. One more ends the oldest. */
  readonly tokensPerUser?: number | undefined
  readonly identity?: IdentityMap | undefined
  /**
   * The provider says that an address is verified: `true`, `false`, or a text with the condition. Rules of `allow` by
   * address depend on it. Default: if `identity` or `identify` reads it.
   */
  readonly verifiesEmail?: boolean | string | undefined
  /** The user's organizations and teams, if `allow` needs them. */
  readonly memberships?: Memberships | undefined
  /** The user's groups, if `allow` needs them. */
  readonly groups?: Omit<Memberships, 'request'> | undefined
  /**
   * The rules of `allow` that users can meet. `createProxy` warns of others. `overrides` of the identity, of `groups` or of
   * `memberships`, and `groupsClaim`, replace what the definition says.
   */
  readonly rules?: MeetableRules | undefined
  /**
   * Subjects, groups and organizations mean something only within a tenant, and accounts of several tenants can sign
   * in. Default: if `identity` has a tenant.
   */
  readonly manyTenants?: boolean | undefined
  /** Claims that every user must have, with the required value or `*` for any. A parameter alone is only a hint. */
  readonly requiredClaims?: Readonly<Record<string, string>> | undefined
  readonly revocation?: Revocation | undefined
  /** A fixed RFC 8707 `resource` to request. The `resource` of MCP clients is never sent to the provider. */
  readonly resource?: string | undefined
  /** Allows http on hosts other than this machine. Tokens and secrets then cross the network in clear. */
  readonly dangerouslyAllowHttp?: boolean | undefined
  /** Repairs a token response that `answer` cannot describe. It makes no requests and no decisions. */
  readonly conformToken?: ((answer: TokenAnswer) => TokenAnswer) | undefined
  /** Reads the identity if one mapped request is not enough. */
  readonly identify?:
    | ((about: {
        tokens: UpstreamTokens
        /** The token response. */
        answer: Readonly<Record<string, unknown>>
        /** The parameters of the callback that `callback.params` names. */
        callback: Readonly<Record<string, string>>
        client: RegisteredApplication
        fetch: Fetch
        /** Requests the claims `organizations` and `teams`. */
        memberships: boolean
        /** Requests the claim `groups`. */
        groups: boolean
      }) => Promise<Identity>)
    | undefined
  /** `identify` needs only an access token, and accepts tokens of other applications. */
  readonly identifiesTokens?: boolean | undefined
  /** Revokes tokens if `revocation` cannot describe it. */
  readonly revoke?:
    | ((about: {
        tokens: UpstreamTokens
        client: RegisteredApplication
        fetch: Fetch
      }) => Promise<'revoked' | 'unsupported' | 'failed'>)
    | undefined
  /** Authenticates the proxy by a method that `clientAuth` cannot describe. */
  readonly authenticate?: ((request: ClientRequest) => void | Promise<void>) | undefined
}
