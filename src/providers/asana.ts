import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, DIGITS } from './parts/rule-names.ts'

/**
 * Asana. The scope `default` stands for the permissions of the registered app. Its OpenID issuer is not known, so its
 * API identifies the user.
 *
 * @see [Asana](https://developers.asana.com/docs/oauth)
 */
export const asana: ProviderFactory<'required'> = defineProvider({
  id: 'asana',
  name: 'Asana',
  docs: 'https://developers.asana.com/docs/oauth',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://app.asana.com/-/oauth_authorize',
      token: 'https://app.asana.com/-/oauth_token',
      revocation: 'https://app.asana.com/-/oauth_revoke',
      userinfo: 'https://app.asana.com/api/1.0/users/me',
    },
    clientAuth: 'client_secret_post',
    scopes: ['default'],
    idToken: false,
    rotation: 'maybe',
    rules: { ...ADDRESSES_ONLY, org: DIGITS, sub: DIGITS },
    identity: {
      subject: 'data.gid',
      email: 'data.email',
      name: 'data.name',
      orgs: ['data.workspaces.gid'],
    },
    revocation: { style: 'rfc7009', only: 'refresh_token' },
  },
})
