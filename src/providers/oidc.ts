import { anyText, defineProvider, oneOf, optional, type ProviderFactory } from './define.ts'
import { anyUrl, dangerouslyAllowHttp } from './parts/inputs.ts'
import { IDENTITY } from './parts/openid.ts'
import { refreshErrors } from './parts/refresh-errors.ts'
import type { ClientAuthMethod, RefreshErrorRule } from './provider.ts'

/** What a generic OpenID Connect provider needs. */
export interface OidcOptions {
  /** Its issuer, exactly as its discovery document spells it. */
  issuer: string
  /** Absent: what the provider lists, `client_secret_basic` first. */
  clientAuth?: ClientAuthMethod | undefined
  /** The name that users see. Default: its host. */
  name?: string | undefined
  /** The meaning of refused refreshes, in order. Common rules such as `invalid_grant` follow. */
  refreshErrors?: readonly RefreshErrorRule[] | undefined
  /** Lets its addresses be http on any host, such as one of a closed network: tokens and secrets cross it in clear. */
  dangerouslyAllowHttp?: boolean | undefined
}

/**
 * Any OpenID Connect provider, by discovery. `offline_access` is asked for where the provider lists it.
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
