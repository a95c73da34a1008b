import { anyText, defineProvider, oneOf, optional, type ProviderFactory } from './define.ts'
import { anyUrl, dangerouslyAllowHttp } from './parts/inputs.ts'
import { IDENTITY } from './parts/openid.ts'
import { refreshErrors } from './parts/refresh-errors.ts'
import type { ClientAuthMethod, RefreshErrorRule } from './provider.ts'

/** The options of a generic OpenID Connect provider. */
export interface OidcOptions {
  /** The issuer, spelled exactly as in its discovery document. */
  issuer: string
  /** The method of client authentication. By default the first that the provider lists, `client_secret_basic` preferred. */
  clientAuth?: ClientAuthMethod | undefined
  /** The name that users see. Default: its host. */
  name?: string | undefined
  /** The meaning of refused refreshes, in order. Common rules such as `invalid_grant` follow. */
  refreshErrors?: readonly RefreshErrorRule[] | undefined
  /** Allows http addresses on any host, such as one of a closed network. Tokens and secrets then cross the network in clear. */
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
  verified: '2026-11-22',
  confidence: 'high',
  secret: 'optional',
  inputs: {
    issuer: anyUrl,
    clientAuth: optional(oneOf('client_secret_basic', 'client_secret_post', 'none')),
    name: optional(anyText),
    refreshErrors,
    dangerouslyAllowHttp,
  },
  parts: ({ issuer, clientAuth, name, refreshErrors, dangerouslyAllowHttp }) => ({
    dangerouslyAllowHttp,
    name: name ?? new URL(issuer).host,
    issuer,
    discovery: true,
    clientAuth,
    refreshErrors,
    scopes: IDENTITY,
    optionalScopes: ['offline_access'],
    offlineConsent: true,
  }),
})
