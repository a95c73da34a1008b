import type { Listener } from '../events/event.ts'
import type { Metrics } from '../events/metrics.ts'
import type { ClientAddress } from '../http/address.ts'
import type { CookieRule } from '../http/cookies.ts'
import type { Look } from '../pages/look.ts'
import type { Texts } from '../pages/texts.ts'
import type { Fetch, Identity, RateLimiter, Store } from '../ports.ts'
import type { DocumentPolicy } from '../protocol/document-url.ts'
import type { ScopeTable } from '../protocol/scope.ts'
import type { Provider } from '../providers/provider.ts'
import type { ApiKeyOptions, VerifyApiKey } from './api-keys.ts'
import type { McpHandler } from './auth.ts'
import type { ClientOptions } from './clients.ts'
import type { DiscoveryOptions } from './discovery.ts'
import type { Limits } from './limits.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import type { ForwardMode, Resource } from './resource.ts'
import type { ChooseProvider, OwnLogin } from './upstream.ts'

export type { ClientOptions, DiscoveryOptions, ForwardMode, Resource }

/** One protected MCP server. */
export interface McpOptions {
  /** Where clients reach it, under the path of `url`. Default: the path of its own URL, or `/mcp` for a handler. */
  path?: string
  /** A server to forward to. */
  url?: string
  /** A server in this process, instead of `url`. */
  handler?: McpHandler
  /** Shown to people and in the metadata. */
  name?: string
  /** Scopes every request needs. */
  scopes?: readonly string[]
  /** The id of the provider one signs in at for it, or several; all by default. */
  upstream?: string | readonly string[]
  /**
   * `identity` adds `X-Lockgate-…` headers, `upstream-token` adds the provider's access token as bearer too,
   * `nothing` adds neither.
   */
  forward?: ForwardMode
}

/** Options of {@link createProxy}. Every `…Ttl` is in seconds. */
export interface ProxyOptions {
  /** Public URL without query: the issuer. https, or http on a loopback host. */
  url: string
  /** At least 32 characters of randomness. Several rotate: the first seals, the others still open. */
  secret: string | readonly string[]
  /** Takes a `secret` that was made up rather than drawn, at a public `url` too: whoever guesses it makes tokens. */
  dangerouslyAllowWeakSecret?: boolean
  /**
   * The provider behind, from `lockgate/providers/…`. Of several, the user chooses one; two of a kind need ids of their
   * own: `{ ...oidc({ … }), id: 'staff' }`. A function gives each request its tenant’s provider: grants of one
   * tenant are then nothing to the others. `{ login, name }` is a page of your own application.
   */
  upstream: Provider | OwnLogin | readonly (Provider | OwnLogin)[] | ChooseProvider
  /** Where grants live, from `lockgate/storage/…`. */
  storage: Store
  /** The MCP server to protect: its URL, a handler, or several. */
  mcp: string | McpHandler | McpOptions | readonly McpOptions[]
  /**
   * Who may sign in: `user@example.com`, `@example.com`, `org:x`, `team:x/y`, `group:x`, `sub:x`, or a function. Of
   * several providers a rule says which one’s word it takes: `github/org:x`. Absent: everyone the provider lets in.
   */
  allow?:
    | readonly string[]
    | ((identity: Identity, from: { readonly provider: string }) => boolean | Promise<boolean>)
  /** What this server is called on its pages. */
  name?: string
  /** How the pages look. */
  theme?: {
    /** Whose pages these are, shown above them; `name` by default. */
    name?: string
    /** A picture beside it: an https address without query, or `data:image/…;base64,…`. */
    logo?: string
    /** The colour of buttons and links as `#rrggbb`, dark enough to be read on white; for dark pages a lighter shade is derived. */
    accent?: string
  }
  /** Sentences of the pages in other words or another language, by the names of the type `Texts`. */
  texts?: Partial<Texts>
  /** Whether `/account` lets users see and disconnect the apps they have connected. */
  account?: boolean
  /**
   * Scopes clients may ask for, with what they mean in words: a text, or `{ description, upstream }` with the provider's
   * scopes that go with it. Those are asked for only where the user approves it, and it is granted only where they are.
   * `default: true` marks the scopes of a client that requests none. Without such a mark it gets every scope that needs
   * none of the provider.
   */
  scopes?: Readonly<
    Record<string, string | { description: string; upstream?: readonly string[]; default?: boolean }>
  >
  /** Clients that are known beforehand, beside those that register themselves. */
  clients?: readonly ClientOptions[]
  /** Keys that are good as bearer tokens without any sign-in, by their hash; none by default. `allow` does not judge them. */
  apiKeys?: readonly ApiKeyOptions[]
  /** Says whose any other bearer token is that this server has not issued: `{ name, user, scopes }`, or nothing. `allow` does not judge it. */
  verifyApiKey?: VerifyApiKey
  /**
   * The scopes that whoever shows a token of the provider as bearer has, such as a personal access token; by default such
   * tokens are refused. The provider says whose it is, not for whom: **every application that any of its users ever
   * signed in to can then act as them here.**
   */
  dangerouslyAcceptProviderTokens?: readonly string[]
  /** How long the answer about a key lasts that was asked for; a key that is ended passes for so long. */
  apiKeyTtl?: number
  /**
   * Whether clients may register themselves: `sealed` needs no storage; `stored` writes a record for everybody who
   * asks, which its client can change and delete (RFC 7592); or `off`.
   */
  registration?: 'sealed' | 'stored' | 'off'
  /** How long a registration lasts. A sealed one: for ever by default. A stored one counts from its last use: 90 days by default. */
  registrationTtl?: number
  /** Clients whose id is the https address of a document that describes them. */
  clientDocuments?: {
    /** Whether such clients are known; needs a runtime on which strangers' addresses can be fetched safely. */
    accept?: boolean
    /** The hosts that may publish documents: `client.example`, `*.example.com`, with `:port` where it is unusual. Every public host by default. */
    hosts?: readonly string[]
    /** Also documents at `http://localhost`: for development, where `url` is on loopback too. */
    loopback?: boolean
  }
  /** Your own word on who may register: what it returns is the refusal. What it throws becomes a bare 500; where it takes over 8 s, 503. */
  registrationPolicy?: RegistrationPolicy
  redirectUris?: {
    /** Accept private-use schemes such as `cursor://`. */
    customSchemes?: boolean
    /** Let `localhost`, `127.0.0.1` and `[::1]` stand for each other. */
    loopbackAliases?: boolean
  }
  /** The metadata documents by which clients find this server. */
  discovery?: DiscoveryOptions
  /** How long an access token lasts. Some clients do not refresh: keep it near an hour. */
  accessTokenTtl?: number
  /** How long an authorization code lasts. */
  codeTtl?: number
  /** A grant that is not refreshed for so long ends. */
  refreshTtl?: number
  /** How long the token just rotated out still gets the same successor; 0 is strict. */
  refreshGrace?: number
  /** When a grant ends however often it is refreshed; never by default. */
  grantTtl?: number
  /** How long a sign-in may take. */
  signInTtl?: number
  /** How long another instance may take to notice a revocation. 0 reads the store at each request. */
  revocationLag?: number
  /** `false` where something in front limits requests. */
  limits?:
    | false
    | {
        /** Requests a minute from one address, to the endpoints that need no credentials; as many with tokens that are none. */
        address?: number
        /** Requests a minute to the token endpoint, of one client from one address. */
        client?: number
        /** Requests a minute of one user: refreshes, and requests to the MCP servers. */
        user?: number
        /** Failures a minute of one client from one address: wrong secrets, codes and refresh tokens. */
        failures?: number
        /** Requests without a response, and event streams, of one user at once. */
        streams?: number
        /** The same, of all users together. */
        allStreams?: number
        /** Where to count; in memory by default. */
        limiter?: RateLimiter
      }
  /** Where a request comes from; by default what the runtime says. */
  clientAddress?: ClientAddress
  /** How many proxies in front append to X-Forwarded-For; with 0 the header is ignored. */
  trustProxy?: number
  /** Browser origins that may call the MCP server, beside this one and loopback; `*` for any. */
  origins?: readonly string[]
  on?: {
    /** Told everything that happens, without tokens: a function, or several. */
    event?: Listener | readonly Listener[]
  }
  /** What `/metrics` shows, from `lockgate/events/prometheus`; without it there is no such address. */
  metrics?: Metrics
  /** The `fetch` for requests to the provider and the MCP server, or one for each. */
  fetch?: Fetch | { provider?: Fetch; mcp?: Fetch }
  /** Seconds since the epoch; for tests. */
  now?: () => number
}

/** Options after checking, with every default in place. */
export interface Settings {
  /** The one string that is the issuer everywhere. */
  readonly issuer: string
  readonly origin: string
  /** The host of `url`, with its port. */
  readonly publicHost: string
  /** `https`, or `http` on loopback. */
  readonly publicScheme: string
  /** Empty, or with a leading slash and no trailing one. */
  readonly basePath: string
  readonly secrets: readonly [string, ...string[]]
  /** Those there are, or what gives them. */
  readonly upstream: readonly [Provider | OwnLogin, ...(Provider | OwnLogin)[]] | ChooseProvider
  readonly storage: Store
  readonly resources: readonly [Resource, ...Resource[]]
  readonly allow: ProxyOptions['allow']
  readonly name: string
  readonly cookies: CookieRule
  /** What all pages share. */
  readonly look: Look
  readonly account: boolean
  readonly scopes: ScopeTable
  readonly clients: readonly ClientOptions[]
  readonly apiKeys: readonly ApiKeyOptions[]
  readonly verifyApiKey: VerifyApiKey | undefined
  readonly providerTokens: readonly string[] | undefined
  readonly apiKeyTtl: number
  readonly registration: 'sealed' | 'stored' | 'off'
  readonly registrationPolicy: RegistrationPolicy | undefined
  readonly registrationTtl: number | undefined
  readonly documents: DocumentPolicy | undefined
  readonly redirectUris: { readonly customSchemes: boolean; readonly loopbackAliases: boolean }
  readonly discovery: Readonly<Required<DiscoveryOptions>>
  readonly accessTokenTtl: number
  readonly codeTtl: number
  readonly refreshTtl: number
  readonly refreshGrace: number
  readonly grantTtl: number | undefined
  readonly signInTtl: number
  readonly revocationLag: number
  readonly limits: Limits
  /** Absent if the runtime's own word counts. */
  readonly clientAddress: ClientAddress | undefined
  readonly trustProxy: number
  readonly origins: readonly string[]
  readonly listeners: readonly Listener[]
  readonly metrics: Metrics | undefined
  /** For requests to the provider. */
  readonly fetch: Fetch
  /** For requests to the MCP servers. Absent if the runtime's own way is used. */
  readonly mcpFetch: Fetch | undefined
  readonly now: () => number
}
