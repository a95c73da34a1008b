import { anyText, defineProvider, oneOf, optional, type ProviderFactory } from './define.ts'
import { anyIssuerUrl, anyUrl, dangerouslyAllowHttp, flag, type Input } from './parts/inputs.ts'
import { refreshErrors } from './parts/refresh-errors.ts'
import type { ClientAuthMethod, IdentityMap, RefreshErrorRule } from './provider.ts'

/** The options of a generic OAuth 2.0 provider. */
export interface OAuth2Options {
  authorizationEndpoint: string
  tokenEndpoint: string
  /** The endpoint that returns the owner of a token as JSON. */
  userinfoEndpoint: string
  revocationEndpoint?: string | undefined
  /** The value of `iss` on the callback, if the provider sends it. Default: the origin of its token endpoint. */
  issuer?: string | undefined
  clientAuth?: ClientAuthMethod | undefined
  /** The places of the identity in the userinfo response. Default: `sub`, `email`, `email_verified`, `name`. */
  identity?: IdentityMap | undefined
  scopeSeparator?: string | undefined
  /** Sends a PKCE challenge. Default: `true`. */
  pkce?: boolean | undefined
  /** The meaning of refused refreshes, in order. Common rules such as `invalid_grant` follow. */
  refreshErrors?: readonly RefreshErrorRule[] | undefined
  name?: string | undefined
  /** Allows http on any host, such as one of a closed network. Tokens and secrets then cross it in clear. */
  dangerouslyAllowHttp?: boolean | undefined
}

const identity: Input<IdentityMap, IdentityMap | undefined, false> = {
  required: false,
  expected: 'an object with the places of the identity',
  inCodeOnly: true,
  read(value) {
    if (value !== undefined && (typeof value !== 'object' || !value.subject))
      throw new TypeError('expected an object with a subject')
    return value
  },
}

/**
 * Any OAuth 2.0 provider, by its endpoints. Give its `issuer` if it sends `iss` on the callback: without one, `iss` is
 * ignored.
 *
 * @see [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749)
 */
export const oauth2: ProviderFactory<'optional', OAuth2Options> = defineProvider({
  id: 'oauth2',
  name: 'OAuth 2.0',
  docs: 'https://www.rfc-editor.org/rfc/rfc6749',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    authorizationEndpoint: anyUrl,
    tokenEndpoint: anyUrl,
    userinfoEndpoint: anyUrl,
    revocationEndpoint: optional(anyUrl),
    issuer: optional(anyIssuerUrl),
    clientAuth: optional(oneOf('client_secret_basic', 'client_secret_post', 'none')),
    identity,
    scopeSeparator: optional(anyText),
    pkce: flag(true),
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
