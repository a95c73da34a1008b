import { defineProvider, type ProviderFactory } from './define.ts'

/**
 * Atlassian, as a 3LO app for Jira and Confluence. It has an OpenID Connect document, but such apps may not ask for
 * `openid`. Which sites a token is good for, `https://api.atlassian.com/oauth/token/accessible-resources` says. Its
 * revocation endpoint is not documented: it is tried.
 *
 * @see [Atlassian](https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/)
 */
export const atlassian: ProviderFactory<'required'> = defineProvider({
  id: 'atlassian',
  name: 'Atlassian',
  docs: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://auth.atlassian.com',
    endpoints: {
      authorization: 'https://auth.atlassian.com/authorize',
      token: 'https://auth.atlassian.com/oauth/token',
      revocation: 'https://auth.atlassian.com/oauth/revoke',
      userinfo: 'https://api.atlassian.com/me',
    },
    clientAuth: 'client_secret_post',
    scopes: ['read:me', 'offline_access'],
    params: { audience: 'api.atlassian.com', prompt: 'consent' },
    rotation: 'always',
    identity: { subject: 'account_id', email: 'email', name: 'name' },
    revocation: { style: 'rfc7009', lenient: true },
  },
})
