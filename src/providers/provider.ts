import * as v from 'valibot'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'
import type { IdentityMap, Pointer } from './parts/identity-map.ts'
import type { IssuerRule } from './parts/issuer.ts'

export type { IdentityMap, Pointer } from './parts/identity-map.ts'

/** How the proxy proves itself to the provider. */
export type ClientAuthMethod = 'client_secret_basic' | 'client_secret_post' | 'none'

/** What a `conformToken` hook is given, and gives back: the shape and the status, nothing else. */
export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly phase?: 'exchange' | 'refresh' | undefined
}

/** One request to the provider before it is sent: `body` and `headers` may be changed. */
export interface ClientRequest {
  readonly endpoint: 'token' | 'refresh' | 'revocation'
  readonly body: URLSearchParams
  readonly headers: Headers
  /** Seconds since the epoch. */
  readonly now: number
}

/** What a provider's definition may say beside its name. Everything has a default that suits the specifications. */
export interface ProviderParts {
  /** Shown to people, where it depends on what the user gave. */
  readonly name?: string | undefined
  /**
   * What it calls itself, in ID tokens and in `iss` on the callback; with a `template` rule, with a placeholder.
   * Absent where nobody knows: then the origin of its token endpoint stands for it, and `iss` is not compared.
   */
  readonly issuer?: string | undefined
  readonly issuerRule?: IssuerRule | undefined
  /**
   * Whether `iss` on the callback is compared where it is sent: `if-known`, the default, where the definition names
   * an issuer. It always is where an ID token is used.
   */
  readonly callbackIssuer?: 'enforce' | 'if-known' | 'ignore' | undefined
  /** Endpoints from a metadata document: at its usual place under the issuer, or at `url`. Given endpoints win. */
  readonly discovery?: boolean | { readonly url: string } | undefined
  readonly endpoints?:
    | {
        readonly authorization?: string | undefined
        readonly token?: string | undefined
        /** Where tokens are refreshed, if not at the token endpoint. */
        readonly refresh?: string | undefined
        readonly revocation?: string | undefined
        readonly userinfo?: string | undefined
        readonly jwks?: string | undefined
      }
    | undefined
  /** Absent: `client_secret_basic`, or with discovery the first the provider lists of basic and post. */
  readonly clientAuth?: ClientAuthMethod | undefined
  /** Where one endpoint wants another method. */
  readonly endpointAuth?: Partial<Readonly<Record<ClientRequest['endpoint'], ClientAuthMethod>>> | undefined
  /** `raw` for servers that do not decode what RFC 6749 §2.3.1 has clients encode. */
  readonly basicEncoding?: 'rfc6749' | 'raw' | undefined
  readonly scopes?: readonly string[] | undefined
  /** Asked for only where the provider's metadata lists them. */
  readonly optionalScopes?: readonly string[] | undefined
  /** The name under which scopes are asked for. */
  readonly scopeParam?: string | undefined
  readonly scopeSeparator?: string | undefined
  /** What scopes mean, for people: `read your repositories`. Those of OpenID Connect are known. */
  readonly scopeWords?: Readonly<Record<string, string>> | undefined
  /** Scopes that hold others within them, where an answer names the wider one only. */
  readonly scopeImplies?: Readonly<Record<string, readonly string[]>> | undefined
  /** `false` where scopes are fixed at the registered application. */
  readonly sendScope?: boolean | undefined
  /** Whether anybody may make an account there: then `allow` alone keeps strangers out. */
  readonly publicAccounts?: boolean | undefined
  /** Whether an ID token is expected. Default: where `openid` is among the scopes. */
  readonly idToken?: boolean | undefined
  readonly nonce?: boolean | undefined
  /** Sends `prompt=consent` beside `offline_access`, as OpenID Connect Core §11 has it. */
  readonly offlineConsent?: boolean | undefined
  readonly responseMode?: 'query' | 'form_post' | undefined
  readonly pkce?: boolean | undefined
  /** Added to the authorization request. */
  readonly params?: Readonly<Record<string, string>> | undefined
  /** Added to the code exchange. */
  readonly tokenParams?: Readonly<Record<string, string>> | undefined
  /** Added to a refresh. */
  readonly refreshParams?: Readonly<Record<string, string>> | undefined
  /** Whether the code exchange repeats the scope. */
  readonly exchangeScope?: 'same' | 'omit' | undefined
  /** Whether a refresh repeats the scope. */
  readonly refreshScope?: 'same' | 'omit' | undefined
  /** Whether a refresh repeats the redirect URI. */
  readonly refreshRedirectUri?: boolean | undefined
  /** How requests with client authentication are written. */
  readonly requestBody?: 'form' | 'json' | undefined
  /** Headers of every request to the provider, unless the request has its own. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Where the token answer differs from RFC 6749 §5. */
  readonly answer?:
    | {
        /** The object that holds the tokens; what lies beside it stays. */
        readonly tokens?: Pointer | undefined
        /** Where the error code stands. */
        readonly error?: Pointer | undefined
        /** What `token_type` should have said. */
        readonly tokenType?: string | undefined
        /** What divides the granted scopes, if not blanks. */
        readonly scopeSeparator?: string | undefined
      }
    | undefined
  /** When the access token ends: `expires_in` or the token's own `exp`; `fallback` seconds where that says nothing. */
  readonly expiry?: { readonly from?: 'expires_in' | 'jwt'; readonly fallback?: number } | undefined
  /** Whether a refresh gives a new refresh token. */
  readonly rotation?: 'never' | 'maybe' | 'always' | undefined
  /** Whether a refresh ends the access token before it. */
  readonly refreshKillsAccess?: boolean | undefined
  /** Errors at a refresh that say the grant is over. Everything else leaves it alive. */
  readonly terminalErrors?: readonly string[] | undefined
  readonly identity?: IdentityMap | undefined
  /** What it takes to know somebody's organisations and teams, where `allow` asks for them. */
  readonly memberships?:
    | {
        /** Asked for then. */
        readonly scopes?: readonly string[] | undefined
        /** Whether userinfo says more than the ID token. */
        readonly userinfo?: boolean | undefined
      }
    | undefined
  /** Claims without which nobody is let in, with the value they must have, or `*` for any: what is only asked for is a hint. */
  readonly requiredClaims?: Readonly<Record<string, string>> | undefined
  /** How tokens are ended: as RFC 7009 has it, by a POST with the token as bearer, or not at all. */
  readonly revocation?:
    | {
        readonly style: 'rfc7009' | 'bearer' | 'none'
        /** Where the endpoint takes one of them only. */
        readonly only?: 'refresh_token' | 'access_token' | undefined
        /** For an endpoint nobody documents: it is tried, and whatever it answers will do. */
        readonly lenient?: boolean | undefined
      }
    | undefined
  /** A fixed RFC 8707 `resource` to ask for. What MCP clients send is never passed on. */
  readonly resource?: string | undefined
  /** Lets its addresses be http on hosts other than this machine: tokens and secrets then cross the network in clear. */
  readonly dangerouslyAllowHttp?: boolean | undefined
  /** Repairs the shape of a token answer where `answer` cannot say it. No network, no decisions. */
  readonly conformToken?: ((answer: TokenAnswer) => TokenAnswer) | undefined
  /** Reads the identity where one mapped request is not enough. */
  readonly identify?:
    | ((about: {
        tokens: UpstreamTokens
        /** The token answer. */
        answer: Readonly<Record<string, unknown>>
        client: { readonly id: string; readonly secret: string | undefined }
        fetch: Fetch
        /** Whether the claims have to say `organizations` and `teams`. */
        memberships: boolean
      }) => Promise<Identity>)
    | undefined
  /** Whether `identify` needs nothing but an access token, also one that another application got. */
  readonly identifiesTokens?: boolean | undefined
  /** Ends the provider's tokens where `revocation` cannot say how. */
  readonly revoke?:
    | ((about: {
        tokens: UpstreamTokens
        client: { readonly id: string; readonly secret: string | undefined }
        fetch: Fetch
      }) => Promise<'revoked' | 'unsupported' | 'failed'>)
    | undefined
  /** Proves the client in a way of the provider's own. */
  readonly authenticate?: ((request: ClientRequest) => void | Promise<void>) | undefined
}

/** Parts that have a value in every provider. */
type Settled =
  | 'name'
  | 'issuer'
  | 'issuerRule'
  | 'discovery'
  | 'endpoints'
  | 'basicEncoding'
  | 'scopes'
  | 'scopeParam'
  | 'scopeSeparator'
  | 'sendScope'
  | 'idToken'
  | 'nonce'
  | 'pkce'
  | 'params'
  | 'rotation'
  | 'terminalErrors'
  | 'identity'
  | 'revocation'

type Given<K extends keyof ProviderParts> = { readonly [P in K]-?: NonNullable<ProviderParts[P]> }

/** The parts that always have a value. */
export type SettledParts = Given<Settled>

/** One identity provider, ready for use; made by the functions in `lockgate/providers/…`. */
export interface Provider extends Omit<ProviderParts, Settled | 'callbackIssuer'>, SettledParts {
  /** Short name, as `LOCKGATE_UPSTREAM` has it. */
  readonly id: string
  readonly callbackIssuer: 'enforce' | 'ignore'
  readonly clientId: string
  readonly clientSecret?: string | undefined
}

/** Whether it says of any of its access tokens whose it is, without the token answer or an ID token. */
export const identifiesTokens = ({
  identify,
  identifiesTokens: can,
  identity,
  idToken,
}: Provider): boolean =>
  identify
    ? can === true
    : !idToken && (identity.from ?? 'request') === 'request' && identity.facts === undefined

/** What every provider is given by its user. */
export interface Credentials {
  /** The application registered at the provider. */
  clientId: string
  /** Its secret; absent for a public client. */
  clientSecret?: string | undefined
  /** What to ask the provider for, instead of the definition's own list. */
  scopes?: readonly string[] | undefined
  /** Further parameters of the authorization request; an empty one takes away the definition's own. */
  params?: Readonly<Record<string, string>> | undefined
  /** Parts that the definition has wrong for you. */
  overrides?: ProviderParts | undefined
}

/** Whether something can be a provider. */
export const ProviderSchema: v.GenericSchema<Provider> = v.custom<Provider>(
  (input) =>
    typeof input === 'object' &&
    input !== null &&
    typeof (input as Provider).issuer === 'string' &&
    typeof (input as Provider).clientId === 'string' &&
    typeof (input as Provider).endpoints === 'object',
)
