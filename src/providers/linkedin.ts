import { defineProvider, type ProviderFactory } from './define.ts'
import { IDENTITY } from './parts/openid.ts'
import { ADDRESSES_ONLY } from './parts/rule-names.ts'

/**
 * Sign in with LinkedIn. Identity comes from userinfo: its ID tokens have no nonce, and their issuer is not the one of its
 * metadata everywhere. Access tokens live for 60 days. Only approved partners get refresh tokens, which live for a year
 * from the sign-in on and do not change.
 *
 * @see [LinkedIn](https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2)
 */
export const linkedin: ProviderFactory<'required'> = defineProvider({
  id: 'linkedin',
  name: 'LinkedIn',
  docs: 'https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'required',
  parts: {
    publicAccounts: true,
    issuer: 'https://www.linkedin.com/oauth',
    callbackIssuer: 'ignore',
    endpoints: {
      authorization: 'https://www.linkedin.com/oauth/v2/authorization',
      token: 'https://www.linkedin.com/oauth/v2/accessToken',
      userinfo: 'https://api.linkedin.com/v2/userinfo',
    },
    clientAuth: 'client_secret_post',
    scopes: IDENTITY,
    idToken: false,
    pkce: false,
    rotation: 'maybe',
    refreshErrors: [{ description: /refresh token is (invalid|expired|revoked)/i, means: 'final' }],
    rules: ADDRESSES_ONLY,
    identity: {
      from: 'request',
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
    },
    revocation: { style: 'none' },
  },
})
