import { defineProvider, label, type ProviderFactory, segment } from './define.ts'
import { GROUPS_AS_TEAMS } from './parts/rule-names.ts'

/**
 * An Amazon Cognito user pool. A new app client allows `openid`, `email` and `phone`, but not `profile`: with `openid`,
 * the ID token has every attribute that the app client may read. Refresh tokens come without a scope, and only they
 * can be revoked.
 *
 * @see [Amazon Cognito](https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html)
 */
export const cognito: ProviderFactory<'optional', { region: string; userPool: string }> = defineProvider({
  id: 'cognito',
  name: 'Amazon Cognito',
  docs: 'https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html',
  verified: '2026-11-27',
  confidence: 'medium',
  secret: 'optional',
  inputs: { region: label, userPool: segment },
  parts: ({ region, userPool }) => ({
    issuer: `https://cognito-idp.${region}.amazonaws.com/${userPool}`,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: ['openid', 'email'],
    rules: { org: 'any', team: GROUPS_AS_TEAMS, group: 'any' },
    identity: {
      subject: 'sub',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      otherName: 'cognito:username',
      orgs: ['cognito:groups'],
      groups: ['cognito:groups'],
    },
    // Documents of older user pools do not name the endpoint.
    revocation: { style: 'rfc7009', only: 'refresh_token', path: 'revoke' },
  }),
})
