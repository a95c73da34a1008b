import { defineProvider, type ProviderFactory } from './define.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'

/**
 * X, formerly Twitter, with OAuth 2.0. `tweet.read` is needed for the identity too. The address is one that the user has
 * confirmed; the application needs the permission to request it. A refresh token works once.
 *
 * @see [X](https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code)
 */
export const x: ProviderFactory<'required'> = defineProvider({
  id: 'x',
  name: 'X',
  docs: 'https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://x.com',
    callbackIssuer: 'ignore',
    endpoints: {
      authorization: 'https://x.com/i/oauth2/authorize',
      token: 'https://api.x.com/2/oauth2/token',
      revocation: 'https://api.x.com/2/oauth2/revoke',
      userinfo: 'https://api.x.com/2/users/me?user.fields=confirmed_email',
    },
    clientAuth: 'client_secret_basic',
    scopes: ['users.read', 'tweet.read', 'users.email', 'offline.access'],
    rotation: 'always',
    refreshErrors: [
      // The response for a refresh token that has expired, was used or was revoked.
      { error: 'invalid_request', description: /value passed for the token was invalid/i, means: 'final' },
    ],
    rules: ADDRESSES_ONLY,
    identity: {
      from: 'request',
      subject: 'data.id',
      email: 'data.confirmed_email',
      emailVerified: true,
      name: 'data.name',
      otherName: 'data.username',
    },
  },
})
