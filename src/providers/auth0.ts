import { anyText, defineProvider, host, optional, type ProviderFactory } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * Auth0. Without an `audience` its access tokens work for userinfo only.
 *
 * @see [Auth0](https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow)
 */
export const auth0: ProviderFactory<'optional', { domain: string; audience?: string | undefined }> =
  defineProvider({
    id: 'auth0',
    name: 'Auth0',
    docs: 'https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow',
    verified: '2026-11-22',
    confidence: 'high',
    secret: 'optional',
    inputs: {
      domain: host,
      /** The identifier of an API. */
      audience: optional(anyText),
    },
    parts: ({ domain, audience }) => ({
      // The slash is part of the issuer.
      issuer: `https://${domain}/`,
      discovery: true,
      clientAuth: 'client_secret_post',
      scopes: OFFLINE,
      params: audience === undefined ? {} : { audience },
      revocation: { style: 'rfc7009', only: 'refresh_token' },
    }),
  })
