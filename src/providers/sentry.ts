import { baseUrl, defineProvider, type ProviderFactory, withDefault } from './define.ts'

/**
 * Sentry, the service or your own server. Its paths end in a slash. A refresh must not repeat the scope. PKCE is not
 * confirmed, but is sent.
 *
 * @see [Sentry](https://docs.sentry.io/api/auth/)
 */
export const sentry: ProviderFactory<'required', { baseUrl?: string | undefined }> = defineProvider({
  id: 'sentry',
  name: 'Sentry',
  docs: 'https://docs.sentry.io/api/auth/',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'required',
  inputs: { baseUrl: withDefault(baseUrl, 'https://sentry.io') },
  parts: ({ baseUrl }) => ({
    publicAccounts: baseUrl === 'https://sentry.io',
    endpoints: {
      authorization: `${baseUrl}/oauth/authorize/`,
      token: `${baseUrl}/oauth/token/`,
    },
    clientAuth: 'client_secret_post',
    scopes: ['org:read'],
    refreshScope: 'omit',
    rotation: 'always',
    identity: { from: 'token', subject: 'user.id', email: 'user.email', name: 'user.name' },
    revocation: { style: 'none' },
  }),
})
