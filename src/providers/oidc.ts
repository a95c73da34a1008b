import { type Credentials, defaults, type Provider } from './provider.ts'

/** What a generic OpenID Connect provider needs. */
export interface OidcOptions extends Credentials {
  /** Its issuer, exactly as its discovery document spells it. */
  issuer: string
  /** Absent: what the provider lists, `client_secret_basic` first. */
  clientAuth?: Provider['clientAuth']
  /** Shown to people; its host by default. */
  name?: string | undefined
}

/**
 * Any OpenID Connect provider, by discovery. `offline_access` is asked for where the provider lists it.
 *
 * @see [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
 */
export function oidc(options: OidcOptions): Provider {
  const { issuer, clientId, clientSecret, clientAuth } = options
  return {
    ...defaults,
    id: 'oidc',
    name: options.name ?? (URL.canParse(issuer) ? new URL(issuer).host : issuer),
    issuer,
    discovery: true,
    endpoints: {},
    clientId,
    clientSecret,
    clientAuth: clientAuth ?? (clientSecret === undefined ? 'none' : undefined),
    scopes: options.scopes ?? ['openid', 'profile', 'email'],
    optionalScopes: options.scopes ? undefined : ['offline_access'],
    params: options.params ?? {},
    identity: { subject: 'sub', email: 'email', emailVerified: 'email_verified', name: 'name' },
  }
}
