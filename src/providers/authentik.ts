import { baseUrl, defineProvider, type ProviderFactory, segment } from './define.ts'
import { OFFLINE } from './parts/openid.ts'

/**
 * authentik, by its address and the slug of the application. Each application has its own issuer, which ends in a slash.
 * The subject mode of the provider in authentik determines the subject of a user.
 *
 * @see [authentik](https://docs.goauthentik.io/add-secure-apps/providers/oauth2/)
 */
export const authentik: ProviderFactory<'optional', { baseUrl: string; application: string }> =
  defineProvider({
    id: 'authentik',
    name: 'authentik',
    docs: 'https://docs.goauthentik.io/add-secure-apps/providers/oauth2/',
    verified: '2026-11-22',
    confidence: 'low',
    secret: 'optional',
    inputs: { baseUrl: baseUrl, application: segment },
    parts: ({ baseUrl, application }) => ({
      issuer: `${baseUrl}/application/o/${application}/`,
      discovery: true,
      clientAuth: 'client_secret_basic',
      scopes: OFFLINE,
    }),
  })
