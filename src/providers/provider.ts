import * as v from 'valibot'
import type { Fetch, Identity, UpstreamTokens } from '../ports.ts'

/** Where in a JSON answer a value stands: member names from the outside in, joined by dots. */
export type Pointer = string

/** How the identity is read where no ID token says it: one request, then one member for each part. */
export interface IdentityMap {
  readonly subject: Pointer
  readonly email?: Pointer | undefined
  readonly emailVerified?: Pointer | undefined
  readonly name?: Pointer | undefined
  readonly tenant?: Pointer | undefined
}

/** What a {@link Provider.conformToken} hook is given. */
export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * One identity provider, as data. Hooks stand only where data cannot say it.
 *
 * With `discovery` everything about endpoints comes from the issuer's own document; what is given here wins.
 */
export interface Provider {
  /** Short name, as `LOCKGATE_UPSTREAM` and events use it. */
  readonly id: string
  /** What people call it. */
  readonly name: string
  /** Identifier of the provider: what it calls itself in ID tokens and in `iss` on the callback. */
  readonly issuer: string
  readonly discovery: boolean
  readonly endpoints: {
    readonly authorization?: string | undefined
    readonly token?: string | undefined
    readonly revocation?: string | undefined
    readonly userinfo?: string | undefined
    readonly jwks?: string | undefined
  }
  readonly clientId: string
  readonly clientSecret?: string | undefined
  /** Absent: `client_secret_basic`, or with discovery the first the provider lists of basic and post. */
  readonly clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
  readonly scopes: readonly string[]
  /** Asked for only where the provider's metadata lists them. */
  readonly optionalScopes?: readonly string[] | undefined
  readonly scopeSeparator: string
  /** Whether `iss` on the callback is compared. It always is where an ID token is used. */
  readonly callbackIssuer: 'enforce' | 'ignore'
  readonly pkce: boolean
  /** Added to the authorization request. */
  readonly params: Readonly<Record<string, string>>
  readonly identity: IdentityMap
  /** Headers of the identity request. */
  readonly identityHeaders?: Readonly<Record<string, string>> | undefined
  /** Repairs a token answer before it is judged: shape and status only. */
  readonly conformToken?: ((answer: TokenAnswer) => TokenAnswer) | undefined
  /** Reads the identity where one mapped request is not enough. */
  readonly identify?: ((tokens: UpstreamTokens, fetch: Fetch) => Promise<Identity>) | undefined
  /** Ends the provider's token where RFC 7009 does not. */
  readonly revoke?: ((tokens: UpstreamTokens, fetch: Fetch) => Promise<void>) | undefined
}

/** What every provider is given by its user. */
export interface Credentials {
  /** The application registered at the provider. */
  clientId: string
  /** Its secret; absent for a public client. */
  clientSecret?: string | undefined
  /** What to ask the provider for, instead of the definition's own list. */
  scopes?: readonly string[] | undefined
  /** Further parameters of the authorization request. */
  params?: Readonly<Record<string, string>> | undefined
}

/** Whether something can be a provider; its parts are made by the functions in `lockgate/providers/…`. */
export const ProviderSchema: v.GenericSchema<Provider> = v.custom<Provider>(
  (input) =>
    typeof input === 'object' &&
    input !== null &&
    typeof (input as Provider).issuer === 'string' &&
    typeof (input as Provider).clientId === 'string' &&
    typeof (input as Provider).endpoints === 'object',
)

/** What is the same for most providers. */
export const defaults = {
  discovery: false,
  scopeSeparator: ' ',
  callbackIssuer: 'enforce',
  pkce: true,
} as const
