import { defineProvider, type ProviderFactory } from './define.ts'

/**
 * Figma. It has a separate endpoint for refreshes. Sources differ on PKCE, so it is not sent.
 *
 * @see [Figma](https://developers.figma.com/docs/rest-api/authentication/)
 */
export const figma: ProviderFactory<'required'> = defineProvider({
  id: 'figma',
  name: 'Figma',
  docs: 'https://developers.figma.com/docs/rest-api/authentication/',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://www.figma.com/oauth',
      token: 'https://api.figma.com/v1/oauth/token',
      refresh: 'https://api.figma.com/v1/oauth/refresh',
      userinfo: 'https://api.figma.com/v1/me',
    },
    clientAuth: 'client_secret_basic',
    scopes: ['current_user:read'],
    scopeSeparator: ',',
    pkce: false,
    rotation: 'never',
    identity: { subject: 'id', email: 'email', name: 'handle' },
    revocation: { style: 'none' },
  },
})
