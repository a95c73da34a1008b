import { anyText, defineProvider, oneOf, optional, type ProviderFactory } from './define.ts'
import { anyIssuerUrl, anyUrl, dangerouslyAllowHttp } from './parts/inputs.ts'
import { IDENTITY } from './parts/openid.ts'
import { refreshErrors } from './parts/refresh-errors.ts'
import type { ClientAuthMethod, RefreshErrorRule } from './provider.ts'

/** The options of a generic OpenID Connect provider. */
export interface OidcOptions {
  /** The issuer, exactly as in the discovery document. */
  issuer: string
  /**
   * The address of the discovery document, if this server reaches it only by an inside one. The issuer in it is still the
   * public one. http needs `dangerouslyAllowHttp`.
   */
  discoveryUrl?: string | undefined
  /** Default: the first of `client_secret_basic` and `client_secret_post` that the provider lists. */
  clientAuth?: ClientAuthMethod | undefined
  /** The name that users see. Default: its host. */
  name?: string | undefined
  /** The meaning of refused refreshes, in order. Common rules such as `invalid_grant` follow. */
  refreshErrors?: readonly RefreshErrorRule[] | undefined
  /** Allows http on any host, such as one of a closed network. Tokens and secrets then cross it in clear. */
  dangerouslyAllowHttp?: boolean | undefined
}

/**
 * Any OpenID Connect provider, by discovery. `offline_access` is requested if the provider lists it.
 *
 * @see [OpenID Connect](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
 */
export const oidc: ProviderFactory<'optional', OidcOptions> = defineProvider({
  id: 'oidc',
  name: 'OpenID Connect',
  docs: 'https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    issuer: anyIssuerUrl,
    discoveryUrl: optional(anyUrl),
    clientAuth: optional(oneOf('client_secret_basic', 'client_secret_post', 'none')),
    name: optional(anyText),
    refreshErrors,
    dangerouslyAllowHttp,
  },
  parts: ({ issuer, discoveryUrl, clientAuth, name, refreshErrors, dangerouslyAllowHttp }) => ({
    dangerouslyAllowHttp,
    name: name ?? new URL(issuer).host,
    issuer,
    discovery: discoveryUrl === undefined ? true : { url: discoveryUrl },
    clientAuth,
    refreshErrors,
    scopes: IDENTITY,
    optionalScopes: ['offline_access'],
    offlineConsent: true,
  }),
})
