import { defineProvider, type ProviderFactory } from './define.ts'

/**
 * Linear. One token is valid for one workspace. The rotation of its refresh tokens is not known.
 *
 * @see [Linear](https://linear.app/developers/oauth-2-0-authentication)
 */
export const linear: ProviderFactory<'required'> = defineProvider({
  id: 'linear',
  name: 'Linear',
  docs: 'https://linear.app/developers/oauth-2-0-authentication',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    endpoints: {
      authorization: 'https://linear.app/oauth/authorize',
      token: 'https://api.linear.app/oauth/token',
      revocation: 'https://api.linear.app/oauth/revoke',
      userinfo: 'https://api.linear.app/graphql',
    },
    clientAuth: 'client_secret_post',
    scopes: ['read'],
    scopeSeparator: ',',
    answer: { scopeSeparator: ',' },
    identity: {
      request: {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ viewer { id name email } }' }),
      },
      subject: 'data.viewer.id',
      email: 'data.viewer.email',
      name: 'data.viewer.name',
    },
  },
})
