import type { ClientAssertion } from './parts/client-assertion.ts'
import type { ProviderParts } from './parts/provider-parts.ts'

export type { ClientAssertion, ClientKey } from './parts/client-assertion.ts'
export type { IdentityMap, Pointer } from './parts/identity-map.ts'
export type {
  ClientAuthMethod,
  ClientRequest,
  ProviderParts,
  TokenAnswer,
} from './parts/provider-parts.ts'
export type { RefreshErrorRule } from './parts/refresh-errors.ts'

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
  | 'refreshErrors'
  | 'identity'
  | 'revocation'

type Given<K extends keyof ProviderParts> = { readonly [P in K]-?: NonNullable<ProviderParts[P]> }

/** The parts that always have a value. */
export type SettledParts = Given<Settled>

/** One identity provider, ready for use. The functions in `lockgate/providers/…` make it. */
export interface Provider extends Omit<ProviderParts, Settled | 'callbackIssuer'>, SettledParts {
  /** Short name, as in `LOCKGATE_UPSTREAM`. */
  readonly id: string
  readonly callbackIssuer: 'enforce' | 'ignore'
  readonly clientId: string
  readonly clientSecret?: string | undefined
  readonly clientAssertion?: ClientAssertion | undefined
  readonly pushedRequests?: boolean | undefined
}

/** Returns `true` if the provider names the owner of any of its access tokens, without a token response. */
export const identifiesTokens = ({
  identify,
  identifiesTokens: can,
  identity,
  idToken,
}: Provider): boolean =>
  identify
    ? can === true
    : !idToken && (identity.from ?? 'request') === 'request' && identity.facts === undefined

/** The options that every provider takes. */
export interface Credentials {
  /** The id of the application that is registered at the provider. */
  clientId: string
  /** The application's secret. Absent for a public client. */
  clientSecret?: string | undefined
  /** Proves the application without a secret: by a private key or a certificate, or by the token of another issuer. */
  clientAssertion?: ClientAssertion | undefined
  /**
   * Sends the authorization request ahead of the browser (RFC 9126), so that the browser carries only a reference. By
   * default only if the provider's metadata requires it.
   */
  pushedRequests?: boolean | undefined
  /**
   * The id of the provider here, if there are two of its kind: up to 64 letters, digits, `-` and `_`. It is in the path
   * of the callback, in events and in rules of `allow`. By default the name of its kind, such as `google`.
   */
  id?: string | undefined
  /** The name for users. By default the provider's own. */
  name?: string | undefined
  /** The scopes to request, instead of the definition's own list. */
  scopes?: readonly string[] | undefined
  /** Further parameters of the authorization request. An empty value removes one of the definition. */
  params?: Readonly<Record<string, string>> | undefined
  /**
   * The claim that holds the user's groups, or several: a name such as `https://acme.example/groups`, or a path such
   * as `realm_access.roles`. Replaces the definition's own.
   */
  groupsClaim?: string | readonly string[] | undefined
  /** Parts of the definition to replace. */
  overrides?: ProviderParts | undefined
}

/** The form of a provider's id: it is in the path of its callback and in stored records. */
export const PROVIDER_ID: RegExp = /^[\w-]{1,64}$/

/** Tells whether an object has the members that every provider has. */
export const isProvider = (input: object): input is Provider => {
  const { issuer, clientId, id, endpoints } = input as Partial<Provider>
  return [issuer, clientId, id].every((one) => typeof one === 'string') && typeof endpoints === 'object'
}
