import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, DIGITS } from './parts/rule-names.ts'

/**
 * Box. Scopes are those of the application unless `scopes` narrows them. A refresh token works once, within 60 days.
 * `org:` is the id of the enterprise. The login is an address, but Box does not call it verified.
 *
 * @see [Box](https://developer.box.com/guides/authentication/oauth2/)
 */
export const box: ProviderFactory<'required'> = defineProvider({
  id: 'box',
  name: 'Box',
  docs: 'https://developer.box.com/guides/authentication/oauth2/',
  verified: '2026-11-27',
  confidence: 'high',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://api.box.com',
    callbackIssuer: 'ignore',
    endpoints: {
      authorization: 'https://account.box.com/api/oauth2/authorize',
      token: 'https://api.box.com/oauth2/token',
      revocation: 'https://api.box.com/oauth2/revoke',
      userinfo: 'https://api.box.com/2.0/users/me?fields=id,login,name,enterprise',
    },
    clientAuth: 'client_secret_post',
    pkce: false,
    rotation: 'always',
    // Without a body, while another refresh of the same token is under way.
    refreshErrors: [{ status: 409, means: 'transient', again: 1 }],
    rules: { ...ADDRESSES_ONLY, org: DIGITS, sub: DIGITS },
    identity: {
      from: 'request',
      subject: 'id',
      email: 'login',
      name: 'name',
      orgs: ['enterprise.id'],
    },
  },
})
