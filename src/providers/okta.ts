import { defineProvider, host, optional, type ProviderFactory, segment } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * Okta: the org's own authorization server, or a custom one such as `default`.
 *
 * @see [Okta](https://developer.okta.com/docs/reference/api/oidc/)
 */
export const okta: ProviderFactory<'optional', { domain: string; authorizationServer?: string | undefined }> =
  defineProvider({
    id: 'okta',
    name: 'Okta',
    docs: 'https://developer.okta.com/docs/reference/api/oidc/',
    verified: '2026-11-22',
    confidence: 'high',
    secret: 'optional',
    inputs: { domain: host, authorizationServer: optional(segment) },
    parts: ({ domain, authorizationServer }) => ({
      issuer: `https://${domain}${authorizationServer === undefined ? '' : `/oauth2/${authorizationServer}`}`,
      discovery: true,
      clientAuth: 'client_secret_basic',
      scopes: OFFLINE,
      refreshScope: 'same',
    }),
  })
