import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'

/**
 * Dropbox. One call with the access token revokes it and its refresh token. For `allow`, `org:` is the id of a team.
 *
 * @see [Dropbox](https://developers.dropbox.com/oauth-guide)
 */
export const dropbox: ProviderFactory<'optional'> = defineProvider({
  id: 'dropbox',
  name: 'Dropbox',
  docs: 'https://developers.dropbox.com/oauth-guide',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'optional',
  parts: {
    publicAccounts: true,
    issuer: 'https://www.dropbox.com',
    endpoints: {
      authorization: 'https://www.dropbox.com/oauth2/authorize',
      token: 'https://api.dropboxapi.com/oauth2/token',
      revocation: 'https://api.dropboxapi.com/2/auth/token/revoke',
      userinfo: 'https://api.dropboxapi.com/2/users/get_current_account',
    },
    clientAuth: 'client_secret_post',
    scopes: ['account_info.read'],
    params: { token_access_type: 'offline' },
    rotation: 'never',
    rules: { ...ADDRESSES_ONLY, org: 'any' },
    identity: {
      request: { method: 'POST' },
      subject: 'account_id',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name.display_name',
      orgs: ['team.id'],
    },
    revocation: { style: 'bearer' },
  },
})
