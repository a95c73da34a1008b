import { defineProvider, label, type ProviderFactory, segment } from './define.ts'
import { IDENTITY } from './parts/openid.ts'

/**
 * An Amazon Cognito user pool. It always issues refresh tokens, and only they can be revoked.
 *
 * @see [Amazon Cognito](https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html)
 */
export const cognito: ProviderFactory<'optional', { region: string; userPool: string }> = defineProvider({
  id: 'cognito',
  name: 'Amazon Cognito',
  docs: 'https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html',
  verified: '2026-11-22',
  confidence: 'medium',
  secret: 'optional',
  inputs: { region: label, userPool: segment },
  parts: ({ region, userPool }) => ({
    issuer: `https://cognito-idp.${region}.amazonaws.com/${userPool}`,
    discovery: true,
    clientAuth: 'client_secret_basic',
    scopes: IDENTITY,
    revocation: { style: 'rfc7009', only: 'refresh_token' },
  }),
})
