import * as v from 'valibot'
import type { ProviderParts } from './parts/provider-parts.ts'

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
  /** The scopes to request, instead of the definition's own list. */
  scopes?: readonly string[] | undefined
  /** Further parameters of the authorization request. An empty value removes one of the definition. */
  params?: Readonly<Record<string, string>> | undefined
  /** Parts of the definition to replace. */
  overrides?: ProviderParts | undefined
}

/** Checks that a value can be a provider. */
export const ProviderSchema: v.GenericSchema<Provider> = v.custom<Provider>(
  (input) =>
    typeof input === 'object' &&
    input !== null &&
    typeof (input as Provider).issuer === 'string' &&
    typeof (input as Provider).clientId === 'string' &&
    typeof (input as Provider).endpoints === 'object',
)
