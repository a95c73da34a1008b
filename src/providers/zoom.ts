import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, WORD } from './parts/rule-names.ts'

/**
 * Zoom. Its scopes are fixed at the app. Newer sign-ins of a user can end older refresh tokens. For `allow`, `org:` is the
 * id of an account.
 *
 * @see [Zoom](https://developers.zoom.us/docs/integrations/oauth/)
 */
export const zoom: ProviderFactory<'required'> = defineProvider({
  id: 'zoom',
  name: 'Zoom',
  docs: 'https://developers.zoom.us/docs/integrations/oauth/',
  verified: '2026-11-27',
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
    // In 2022 an invalid refresh token was refused with 401 and these words.
    refreshErrors: [{ status: 401, body: { reason: /invalid token/i }, means: 'final' }],
    tokensPerUser: 1,
    rules: { ...ADDRESSES_ONLY, org: WORD },
    identity: {
      subject: 'id',
      email: 'email',
      emailVerified: 'verified',
      name: 'display_name',
      orgs: ['account_id'],
    },
    revocation: { style: 'rfc7009', only: 'access_token' },
  },
})
