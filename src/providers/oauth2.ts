import { type Credentials, defaults, type IdentityMap, type Provider } from './provider.ts'

/** What a generic OAuth 2.0 provider needs. */
export interface OAuth2Options extends Credentials {
  authorizationEndpoint: string
  tokenEndpoint: string
  /** Answers who the token belongs to, as JSON. */
  userinfoEndpoint: string
  revocationEndpoint?: string | undefined
  /** What the provider sends as `iss` on the callback, if it does; the origin of its token endpoint otherwise. */
  issuer?: string | undefined
  /** Where the parts of the identity stand in the userinfo answer; `sub`, `email`, `email_verified`, `name` by default. */
  identity?: IdentityMap | undefined
  clientAuth?: Provider['clientAuth']
  scopeSeparator?: string | undefined
  /** Send a PKCE challenge; on unless the provider refuses it. */
  pkce?: boolean | undefined
  name?: string | undefined
}

/** Any OAuth 2.0 provider whose endpoints are given by hand. */
export function oauth2(options: OAuth2Options): Provider {
  const origin = URL.canParse(options.tokenEndpoint) ? new URL(options.tokenEndpoint).origin : ''
  return {
    ...defaults,
    id: 'oauth2',
    name: options.name ?? origin.replace(/^https?:\/\//, ''),
    issuer: options.issuer ?? origin,
    // Without a known issuer, whatever the provider sends there would have to be refused.
    callbackIssuer: options.issuer === undefined ? 'ignore' : 'enforce',
    endpoints: {
      authorization: options.authorizationEndpoint,
      token: options.tokenEndpoint,
      userinfo: options.userinfoEndpoint,
      revocation: options.revocationEndpoint,
    },
    clientId: options.clientId,
    clientSecret: options.clientSecret,
    clientAuth: options.clientAuth ?? (options.clientSecret === undefined ? 'none' : 'client_secret_basic'),
    scopes: options.scopes ?? [],
    scopeSeparator: options.scopeSeparator ?? ' ',
    pkce: options.pkce ?? true,
    params: options.params ?? {},
    identity: options.identity ?? {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
    },
  }
}
