import { anyText, defineProvider, oneOf, optional, type ProviderFactory } from './define.ts'
import { anyUrl, dangerouslyAllowHttp, type Input } from './parts/inputs.ts'
import { refreshErrors } from './parts/refresh-errors.ts'
import type { ClientAuthMethod, IdentityMap, RefreshErrorRule } from './provider.ts'

/** The options of a generic OAuth 2.0 provider. */
export interface OAuth2Options {
  authorizationEndpoint: string
  tokenEndpoint: string
  /** The endpoint that returns the owner of a token, as JSON. */
  userinfoEndpoint: string
  revocationEndpoint?: string | undefined
  /** The `iss` that the provider sends on the callback. By default the origin of the token endpoint identifies the provider. */
  issuer?: string | undefined
  clientAuth?: ClientAuthMethod | undefined
  /** The places of the identity in the userinfo response. By default `sub`, `email`, `email_verified` and `name`. */
  identity?: IdentityMap | undefined
  scopeSeparator?: string | undefined
  /** Sends a PKCE challenge. Default: `true`. */
  pkce?: boolean | undefined
  /** The meaning of refused refreshes, in order. Common rules such as `invalid_grant` follow. */
  refreshErrors?: readonly RefreshErrorRule[] | undefined
  name?: string | undefined
  /** Allows http addresses on any host, such as one of a closed network. Tokens and secrets then cross the network in clear. */
  dangerouslyAllowHttp?: boolean | undefined
}

/** An object, so there is no variable for it. */
const identity: Input<IdentityMap, IdentityMap | undefined, false> = {
  required: false,
  expected: 'an object that says where the parts of the identity stand',
  inCodeOnly: true,
  read(value) {
    if (value !== undefined && (typeof value !== 'object' || !value.subject))
      throw new TypeError('expected an object with a subject')
    return value
  },
}

const flag: Input<boolean, boolean, false> = {
  required: false,
  expected: 'true or false',
  inCodeOnly: true,
  read(value) {
    if (value !== undefined && typeof value !== 'boolean') throw new TypeError('expected true or false')
    return value ?? true
  },
}

/**
 * Any OAuth 2.0 provider, by its endpoints. Set `issuer` if the provider sends `iss` on the callback: without it, `iss` is
 * not compared.
 *
 * @see [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749)
 */
export const oauth2: ProviderFactory<'optional', OAuth2Options> = defineProvider({
  id: 'oauth2',
  name: 'OAuth 2.0',
  docs: 'https://www.rfc-editor.org/rfc/rfc6749',
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    authorizationEndpoint: anyUrl,
    tokenEndpoint: anyUrl,
    userinfoEndpoint: anyUrl,
    revocationEndpoint: optional(anyUrl),
    issuer: optional(anyUrl),
    clientAuth: optional(oneOf('client_secret_basic', 'client_secret_post', 'none')),
    identity,
    scopeSeparator: optional(anyText),
    pkce: flag,
    refreshErrors,
    name: optional(anyText),
    dangerouslyAllowHttp,
  },
  parts: (given) => ({
    dangerouslyAllowHttp: given.dangerouslyAllowHttp,
    name: given.name ?? new URL(given.tokenEndpoint).host,
    issuer: given.issuer,
    endpoints: {
      authorization: given.authorizationEndpoint,
      token: given.tokenEndpoint,
      userinfo: given.userinfoEndpoint,
      revocation: given.revocationEndpoint,
    },
    clientAuth: given.clientAuth ?? 'client_secret_basic',
    scopeSeparator: given.scopeSeparator,
    pkce: given.pkce,
    refreshErrors: given.refreshErrors,
    identity: given.identity,
  }),
})
