import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY, DIGITS } from './parts/rule-names.ts'

/**
 * ClickUp. It has no scopes, and its tokens do not expire. The user chooses the workspaces that the token reaches:
 * `org:` is the id of one of them.
 *
 * @see [ClickUp](https://developer.clickup.com/docs/authentication)
 */
export const clickup: ProviderFactory<'required'> = defineProvider({
  id: 'clickup',
  name: 'ClickUp',
  docs: 'https://developer.clickup.com/docs/authentication',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://api.clickup.com',
    callbackIssuer: 'ignore',
    endpoints: {
      authorization: 'https://app.clickup.com/api',
      token: 'https://api.clickup.com/api/v2/oauth/token',
      userinfo: 'https://api.clickup.com/api/v2/user',
    },
    clientAuth: 'client_secret_post',
    sendScope: false,
    pkce: false,
    answer: { error: 'ECODE' },
    rotation: 'never',
    rules: { ...ADDRESSES_ONLY, org: DIGITS, sub: DIGITS },
    identity: {
      from: 'request',
      subject: 'user.id',
      email: 'user.email',
      name: 'user.username',
    },
    memberships: { request: { url: 'https://api.clickup.com/api/v2/team', orgs: 'teams.id' } },
    revocation: { style: 'none' },
  },
})
