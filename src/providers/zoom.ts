import { defineProvider, type ProviderFactory } from './define.ts'

/**
 * Zoom. The settings of the app determine its scopes. The rotation of its refresh tokens is not confirmed.
 *
 * @see [Zoom](https://developers.zoom.us/docs/integrations/oauth/)
 */
export const zoom: ProviderFactory<'required'> = defineProvider({
  id: 'zoom',
  name: 'Zoom',
  docs: 'https://developers.zoom.us/docs/integrations/oauth/',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://zoom.us/oauth/authorize',
      token: 'https://zoom.us/oauth/token',
      revocation: 'https://zoom.us/oauth/revoke',
      userinfo: 'https://api.zoom.us/v2/users/me',
    },
    clientAuth: 'client_secret_basic',
    sendScope: false,
    rotation: 'always',
    identity: { subject: 'id', email: 'email', emailVerified: 'verified', name: 'display_name' },
    revocation: { style: 'rfc7009', only: 'access_token' },
  },
})
